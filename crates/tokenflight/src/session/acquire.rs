//! Waiting for a token: the one loop behind every way to ask.

use std::{borrow::BorrowMut, future::Future, num::NonZeroU64, time::Duration};

use futures_util::FutureExt;
use tokenflight_core::{Error, ErrorKind, FailureClass, Generation, LoginId, Now};
use tokenflight_machine::{Beside, Decision, OriginId, Refused};

use super::Token;
use crate::{
    flight::Recursion,
    flights::{Brought, Carries, Refreshed},
    slot::{Inner, Slot, Wait},
    sync::Arc,
    telemetry::Cause,
};

/// What a caller wants, and which login it is pinned to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask {
    want: Want,
    /// Logins and logouts there had been at the first look at a session that knew its login.
    pin: Option<NonZeroU64>,
}

#[derive(Clone, Copy, Debug)]
enum Want {
    /// A token that is valid now, for this origin.
    Usable(Option<OriginId>),
    /// A token that is valid for this long, if there can be one.
    Lasting(Duration, Option<OriginId>),
    /// A token that is valid now, of what is stored if the session was over.
    Loaded,
    /// A newer token than the one a server refused.
    Refused(Refused),
    /// A newer token than this one, of the login there is when the user first asks for it.
    Newer(Option<LoginId>, Generation),
    /// A new token, whatever the current one is worth.
    Forced,
}

impl Ask {
    const fn new(want: Want) -> Self {
        Self { want, pin: None }
    }

    pub(crate) const fn usable(origin: Option<OriginId>) -> Self {
        Self::new(Want::Usable(origin))
    }

    pub(crate) const fn lasting(time: Duration, origin: Option<OriginId>) -> Self {
        Self::new(Want::Lasting(time, origin))
    }

    pub(crate) const fn loaded() -> Self {
        Self::new(Want::Loaded)
    }

    pub(crate) const fn refused(refused: Refused) -> Self {
        Self::new(Want::Refused(refused))
    }

    pub(crate) const fn newer_than(generation: Generation) -> Self {
        Self::new(Want::Newer(None, generation))
    }

    pub(crate) const fn forced() -> Self {
        Self::new(Want::Forced)
    }

    /// Whether the session knew its login when this was asked. If not, a login that comes is the
    /// one that is waited for.
    pub(super) const fn is_pinned(&self) -> bool {
        self.pin.is_some()
    }

    /// Which origin the token is for.
    const fn origin(&self) -> Option<OriginId> {
        match self.want {
            Want::Usable(origin) | Want::Lasting(_, origin) => origin,
            Want::Refused(refused) => refused.origin,
            Want::Loaded | Want::Newer(..) | Want::Forced => None,
        }
    }

    /// Whether the token there is will do, if there is no better one.
    const fn makes_do(&self) -> bool {
        matches!(self.want, Want::Usable(_) | Want::Lasting(..) | Want::Loaded)
    }

    /// Whether a refresh's token is what was asked for. It may have a lifetime of zero and still be
    /// good for those who waited for it.
    fn is_answered(&self, brought: &Brought) -> bool {
        let newer = |login, generation| brought.token.login() == login && brought.token.generation() > generation;
        match self.want {
            Want::Usable(_) | Want::Lasting(..) | Want::Loaded => true,
            Want::Refused(refused) => newer(refused.login, refused.generation),
            Want::Newer(login, generation) => login.is_some_and(|login| newer(login, generation)),
            Want::Forced => brought.fresh,
        }
    }

    /// Whether the same access token, brought once more, means that there is no newer one.
    fn is_futile(&self, brought: &Brought) -> bool {
        let wants_newer = matches!(self.want, Want::Refused(_) | Want::Newer(..));
        wants_newer && brought.fresh && !self.is_answered(brought)
    }
}

/// A token, and perhaps some work that no other task keeps moving.
pub(crate) type Obtained = (Token, Option<Box<Carries>>);

/// What a caller gets at once. Beside it there may be work that no other task keeps moving.
#[derive(Debug)]
pub(crate) enum Supply {
    Token(Token, Option<Box<Carries>>),
    Refused(Error, Option<Box<Carries>>),
    /// Nothing yet: it has to wait for this, and to ask again.
    Wait(Wait),
    /// As `Wait`, beside what was left behind.
    Beside(Wait, Option<Box<Carries>>),
}

/// No caller goes round more often than this: each round ends a piece of work or a waiting time.
pub(super) const ROUNDS: u8 = 48;

impl Inner {
    /// Gets what is asked for, waiting if need be: a token, and perhaps some work that no other
    /// task keeps moving.
    ///
    /// # Cancel safety
    ///
    /// Work in progress stays; nothing else is held. What was asked by reference knows then which
    /// login it is pinned to.
    // An `async fn` would keep its arguments twice, and there may be very many that wait.
    #[expect(clippy::manual_async_fn)]
    pub(crate) fn obtain(
        self: &Arc<Self>,
        mut ask: impl BorrowMut<Ask> + Send,
    ) -> impl Future<Output = Result<Obtained, Error>> + Send {
        async move {
            for _ in 0..ROUNDS {
                let asked = self.parts.now();
                let join = match self.supply(ask.borrow_mut(), asked) {
                    Supply::Token(token, beside) => return Ok((token, beside)),
                    Supply::Refused(error, beside) => {
                        // Callers store what is not stored yet, with or without a token for them.
                        let _ = beside.and_then(FutureExt::now_or_never);
                        return Err(error);
                    }
                    Supply::Wait(Wait::Refresh(join, _)) => join,
                    // Boxed, so that those who wait for a refresh need not keep room for it.
                    other => match Box::pin(self.pause(other, *ask.borrow(), asked)).await? {
                        Some(token) => return Ok((token, None)),
                        None => continue,
                    },
                };
                let refreshed = join.await;
                if let Some(result) = self.refreshed(refreshed, ask.borrow(), asked) {
                    return result.map(|token| (token, None));
                }
            }
            Err(Error::with_source(ErrorKind::Closed, "the session changed too often while a token was waited for"))
        }
    }

    /// Asks for a caller that may wait for the answer much later: the question is pinned to the
    /// login there is now, if the session knows it yet. What it gets if that is a token, and
    /// nothing is to be waited for.
    pub(crate) fn at_once(self: &Arc<Self>, ask: &mut Ask) -> Option<Obtained> {
        let now = self.parts.now();
        let usable = self.peek(|slot| {
            ask.pin = slot.machine.knows_login().then(|| slot.pin());
            slot.machine.has_usable(ask.origin(), now)
        });
        match usable.then(|| self.supply(ask, now))? {
            Supply::Token(token, beside) => Some((token, beside)),
            _ => None,
        }
    }

    /// What a caller gets at once.
    pub(crate) fn supply(self: &Arc<Self>, ask: &mut Ask, now: Now) -> Supply {
        let mut cause = Cause::here();
        let mut supply = self.ask(now, |slot| slot.supply(ask, now, &mut cause, self));
        match &mut supply {
            Supply::Wait(Wait::Refresh(join, true)) | Supply::Beside(Wait::Refresh(join, true), _) => join.fire(),
            Supply::Token(_, beside @ None) | Supply::Refused(_, beside @ None) => *beside = self.beside_common(),
            _ => {}
        }
        supply
    }

    /// What a refresh's end is to a caller that asked at this moment; `None`: it has to look again.
    #[inline]
    pub(super) fn refreshed(
        &self,
        refreshed: Option<Refreshed>,
        ask: &Ask,
        asked: Now,
    ) -> Option<Result<Token, Error>> {
        match refreshed {
            Some(Ok(Some(brought))) if ask.is_answered(&brought) && self.is_still(&brought, asked) => {
                Some(Ok(brought.token.clone()))
            }
            refreshed => self.refreshed_before(refreshed, ask, asked),
        }
    }

    /// As [`refreshed`](Self::refreshed), if it brought no token or something has changed since.
    #[inline(never)]
    fn refreshed_before(&self, refreshed: Option<Refreshed>, ask: &Ask, asked: Now) -> Option<Result<Token, Error>> {
        match refreshed.unwrap_or_else(|| Err(Error::new(ErrorKind::SessionChanged))) {
            Ok(Some(brought)) if ask.is_answered(&brought) => self.brought(&brought.token, asked).transpose(),
            Ok(Some(brought)) if ask.is_futile(&brought) => Some(Err(Error::new(ErrorKind::Futile))),
            // The token is not what was asked for, or there is none.
            Ok(_) => None,
            // There was no login when this was asked: the one that came is the one it waited for.
            Err(error) if !ask.is_pinned() && *error.kind() == ErrorKind::SessionChanged => None,
            // The answer was lost, and the same is tried again in a moment.
            Err(error) if error.class() == Some(FailureClass::Ambiguous) && self.retries_soon() => None,
            Err(error) => Some(self.fall_back(ask, error)),
        }
    }

    /// Whether a caller that has no token now waits a moment for the same attempt to be made again.
    fn retries_soon(&self) -> bool {
        self.look(|slot, now| slot.machine.retries_at(now).is_some())
    }

    /// The refresh failed; a token that is still good is as good as before.
    pub(super) fn fall_back(&self, ask: &Ask, error: Error) -> Result<Token, Error> {
        if *error.kind() == ErrorKind::SessionChanged {
            return Err(error);
        }
        self.make_do(ask).ok_or(error)
    }

    /// The token there is, for a caller that gets no better: good, and of the login that was asked.
    pub(crate) fn make_do(&self, ask: &Ask) -> Option<Token> {
        self.look(|slot, now| {
            let same = ask.pin.is_none_or(|pin| pin == slot.pin());
            if same && ask.makes_do() { slot.usable(ask.origin(), now) } else { None }
        })
    }

    /// Whether nothing has changed since the refresh ended. A token that was good then was good for
    /// those who had asked until then. A caller that reads the clock before the lock is taken may
    /// have read it earlier than one that got the lock first.
    #[inline]
    fn is_still(&self, brought: &Brought, asked: Now) -> bool {
        brought.stamp == self.stamp() && asked.boot <= brought.at
    }

    /// What a refresh's token is to a caller that asked at `asked` and wakes up now: the token
    /// itself, the one that has replaced it, or nothing, if it had run out before it was asked for
    /// because no task polled the refresh.
    fn brought(&self, token: &Token, asked: Now) -> Result<Option<Token>, Error> {
        self.look(|slot, now| {
            if slot.is_current(token)? {
                return Ok((!slot.machine.was_spent(asked)).then(|| token.clone()));
            }
            Ok(slot.usable(None, now))
        })
    }

    /// The token to send now, given one that was obtained a while ago: a newer one of the same
    /// login if there is one, and none of another login.
    pub(crate) fn newest_of(&self, token: Token, origin: OriginId) -> Result<Token, Error> {
        self.look(|slot, now| {
            if slot.is_current(&token)? {
                return Ok(token);
            }
            // A token that has just expired may still be the one this request waited for.
            Ok(slot.usable(Some(origin), now).unwrap_or(token))
        })
    }

    /// A token was refused: the next request has another one. Whether there is a newer one already.
    ///
    /// # Errors
    ///
    /// It is certain at once that there will be none.
    pub(crate) fn refused(self: &Arc<Self>, refused: Refused) -> Result<bool, Error> {
        match self.supply(&mut Ask::refused(refused), self.parts.now()) {
            Supply::Token(..) => Ok(true),
            Supply::Refused(error, _) => Err(error),
            Supply::Wait(_) | Supply::Beside(..) => Ok(false),
        }
    }

    /// An origin has accepted a request that it had refused.
    pub(crate) fn accepted(&self, origin: OriginId) {
        self.note(|slot| slot.machine.accepted(origin));
    }

    /// The work in progress, unless this thread is inside it; with what audiences have in common.
    pub(crate) fn moving(&self) -> Option<Carries> {
        let common = self.parts.common.as_ref().map(|common| &*common.root.inner);
        let sessions = std::iter::once(self).chain(common);
        Carries::of(sessions.flat_map(|session| session.peek(Slot::moving)))
    }
}

impl Slot {
    /// What the machine decides, and what that means for the caller.
    fn supply(&mut self, ask: &mut Ask, now: Now, cause: &mut Cause, session: &Arc<Inner>) -> Supply {
        if ask.pin.is_none() && self.machine.knows_login() {
            ask.pin = Some(self.pin());
        }
        if ask.pin.is_some_and(|pin| pin != self.pin()) {
            return Supply::Refused(Error::new(ErrorKind::SessionChanged), None);
        }
        // A caller that has to wait uses the session as much as one that does not.
        self.machine.note_use();
        match self.decide(ask, now) {
            Decision::Use { beside } => self.hand_out(beside, session),
            Decision::Refuse(error) => self.turn_away(error, now, session),
            wait => match self.pursue(wait, None, cause, session) {
                Ok(Wait::Refresh(join, false)) if let Some(until) = self.patience(ask.want, now) => {
                    Supply::Beside(Wait::Briefly(join, until), self.carry_owed())
                }
                Ok(wait) if self.owes_others() => Supply::Beside(wait, self.carry_owed()),
                Ok(wait) => Supply::Wait(wait),
                Err(error) => Supply::Refused(error, None),
            },
        }
    }

    /// Until when a caller waits for a newer token, if it has one that will do.
    fn patience(&self, want: Want, now: Now) -> Option<Duration> {
        match want {
            Want::Usable(origin) => self.machine.patience(Duration::ZERO, origin, now),
            Want::Lasting(wanted, origin) => self.machine.patience(wanted, origin, now),
            // That the store is read is what it waits for.
            Want::Loaded | Want::Refused(_) | Want::Newer(..) | Want::Forced => None,
        }
    }

    /// Another number after each login and logout.
    fn pin(&self) -> NonZeroU64 {
        NonZeroU64::MIN.saturating_add(self.machine.resets())
    }

    fn decide(&mut self, ask: &mut Ask, now: Now) -> Decision {
        let machine = &mut self.machine;
        match &mut ask.want {
            Want::Usable(origin) => machine.usable(*origin, now),
            Want::Lasting(time, origin) => machine.lasting(*time, *origin, now),
            Want::Loaded => machine.load(now),
            Want::Forced => machine.force(now),
            Want::Refused(refused) => machine.refused(*refused, now),
            Want::Newer(login, generation) => {
                let login = *login.get_or_insert(machine.login_id());
                machine.refused(Refused::new(login, *generation, None), now)
            }
        }
    }

    /// The current token, and what goes on beside it.
    fn hand_out(&mut self, beside: Option<Beside>, session: &Arc<Inner>) -> Supply {
        let beside = self.carry_beside(beside, session);
        // The machine says "use" only with a token; should that break, it must be no panic.
        match self.token() {
            Some(token) => Supply::Token(token, beside),
            None => Supply::Refused(Error::new(ErrorKind::NotLoggedIn), None),
        }
    }

    /// No token, and what goes on all the same.
    fn turn_away(&mut self, error: Error, now: Now, session: &Arc<Inner>) -> Supply {
        let beside = if self.is_driven() { None } else { self.machine.beside(now) };
        Supply::Refused(error, self.carry_beside(beside, session))
    }

    /// Whether it is the current token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionChanged`] if it belongs to another login.
    fn is_current(&self, token: &Token) -> Result<bool, Error> {
        let machine = &self.machine;
        if machine.login_id() != token.login() {
            return Err(Error::new(ErrorKind::SessionChanged));
        }
        Ok(machine.token().is_some() && machine.generation() == token.generation())
    }

    fn usable(&self, origin: Option<OriginId>, now: Now) -> Option<Token> {
        self.token().filter(|_| self.machine.has_usable(origin, now))
    }
}

impl From<Recursion> for Error {
    fn from(_: Recursion) -> Self {
        Self::new(ErrorKind::Recursion)
    }
}
