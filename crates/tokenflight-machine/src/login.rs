//! What a login, a logout, a reload and a shutdown change.

use tokenflight_core::{Error, ErrorKind, LoginId, Now, RefreshToken, store::StoredTokens};

use super::{
    Machine, Role, Times, Token,
    life::Life,
    machine::{Held, Phase},
    rejected::Rejected,
    write::Unsaved,
};

/// The refresh tokens that a logout forgets.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Forgotten {
    /// It was never stored, so the store cannot tell of it.
    pub unsaved: Option<RefreshToken>,
    /// The one that was last seen in the store. What the logout replaces there may be newer.
    pub known: Option<RefreshToken>,
}

impl<T: Token> Machine<T> {
    /// The tokens of a login. A refresh in progress goes on, but for no caller.
    pub fn login(&mut self, token: Option<T>, times: Times, tokens: StoredTokens, now: Now, random: u64) {
        let renewable = tokens.refresh.is_some();
        self.begin(Some(tokens), now);
        self.generation = self.generation.next();
        self.used = (true, false);
        let life = Life::new(&self.rules.policy, times, now.boot, self.latency, random);
        let (rejected, in_doubt) = (Rejected::default(), None);
        self.set_phase(Phase::Active(Held { token, life, renewable, rejected, in_doubt }));
        (self.counts.login, self.counts.source) = (self.login, None);
    }

    /// The common session has begun this login: the tokens of this audience are of an earlier one, and there are none yet.
    /// Returns whether that was news.
    pub fn follow(&mut self, login: LoginId, now: Now) -> bool {
        if self.followed == login {
            return false;
        }
        self.begin(None, now);
        self.followed = login;
        self.used = (true, false);
        let life = Life::new(&self.rules.policy, Times::new(now, None), now.boot, self.latency, 0);
        let (rejected, in_doubt) = (Rejected::default(), None);
        self.set_phase(Phase::Active(Held { token: None, life, renewable: true, rejected, in_doubt }));
        self.counts.source = None;
        true
    }

    /// A logout. Returns the refresh tokens it forgets.
    pub fn logout(&mut self, now: Now) -> Forgotten {
        let known = self.known.as_ref().and_then(|known| known.tokens()).and_then(|tokens| tokens.refresh.clone());
        let unsaved = self.unsaved.as_ref().and_then(|unsaved| unsaved.pending.refresh_token().cloned());
        self.begin(None, now);
        self.set_phase(Phase::Over(Error::new(ErrorKind::LoggedOut)));
        Forgotten { unsaved, known }
    }

    /// Forgets what it knows of the store, so that the next caller reads it again. Only lifts an end.
    pub fn reload(&mut self) {
        let (Phase::Over(error) | Phase::Ended(_, error)) = &self.phase else { return };
        if self.unsaved.is_none() {
            let error = error.clone();
            self.set_phase(Phase::Unloaded(Some(error)));
            let last = self.backoff.reset();
            self.discard(last);
        }
    }

    /// From now on nothing starts except what stores something.
    pub const fn close(&mut self) {
        self.closing = true;
    }

    /// What was in progress for the login before goes on without this session.
    fn begin(&mut self, tokens: Option<StoredTokens>, now: Now) {
        self.login = self.login.next();
        self.resets = self.resets.saturating_add(1);
        self.refresh = None;
        self.write = None;
        self.answered = None;
        self.forced = None;
        self.unsent = None;
        self.storms.clear();
        let before = self.unsaved.take();
        if before.as_ref().is_some_and(|before| before.error().is_some()) {
            self.counts.overtaken = self.counts.overtaken.saturating_add(1);
        }
        let last = self.backoff.reset();
        self.discard(last);
        if self.rules.role == Role::Audience {
            return;
        }
        let (unsaved, last) = Unsaved::reset(tokens, self.known.clone(), before, now);
        self.unsaved = Some(Box::new(unsaved));
        self.discard(last);
    }
}
