use std::time::Duration;

use tokenflight_core::{
    Error, ErrorKind, FailureClass, GrantError, RefreshToken,
    store::{Entry, EntryState, Op, OpId, Owner, Seen, StoredTokens},
};
use tokenflight_machine::{Finish, Outcome, Pending, Plan, Reconcile, Saved, Times, Work, present::Watched};

use super::{
    claim::{Claimed, Since, Waiting},
    present::{Overtaken, Presentation},
    wish::Wish,
};
use crate::{
    catch::caught,
    flight::{Flight, Recursion},
    parts::{Applied, Parts, is_refused_by_ancestor, unknown},
    revoke::revoke,
    session::{Access, Token},
    slot::{AnyFlight, Inner},
    sync::{Arc, StdArc, Weak},
    telemetry::{Cause, Ended, RefreshSpan},
    unstored::Unstored,
};

/// What a refresh is to those who wait for it.
///
/// `None` is nothing new, of a refresh that only looked into the store: they ask again. There may be very many: what they get
/// is passed on as one pointer.
pub(crate) type Refreshed = Result<Option<StdArc<Brought>>, Error>;

/// A token, and when it was the current one.
#[derive(Debug)]
pub(crate) struct Brought {
    pub(crate) token: Token,
    /// Whether the authorization server issued it since this refresh began, to this session or to another one.
    pub(crate) fresh: bool,
    /// The session's stamp when it was published; zero, which a session never shows, if it could not be used even then. As
    /// long as the session shows it, this is the current token.
    pub(crate) stamp: u64,
    /// When that was, by the boot clock.
    pub(crate) at: Duration,
}

/// One refresh in progress.
pub(super) struct Refresh {
    pub(super) parts: Arc<Parts>,
    /// Weak: the slot holds the flight, and neither must keep the other alive.
    pub(super) session: Weak<Inner>,
    pub(super) plan: Plan,
    /// For which audience it is, if the session is the common one of several.
    pub(super) wish: Option<Arc<Wish>>,
    span: RefreshSpan,
}

/// How a refresh ended, and the refresh tokens the server sent with it.
pub(super) struct End {
    pub(super) outcome: Outcome<Access>,
    pub(super) obtained: Vec<RefreshToken>,
    /// Whether what it brings was issued since it began.
    pub(super) fresh: bool,
}

impl From<Outcome<Access>> for End {
    fn from(outcome: Outcome<Access>) -> Self {
        Self { outcome, obtained: Vec::new(), fresh: true }
    }
}

/// The pause after a claim that met another entry than was read, from the second time on.
const LAG: Duration = Duration::from_millis(20);

/// How long a look into the store may take: callers wait for it that could have their answer at once.
const LOOK: Duration = Duration::from_secs(2);

/// How often a lost state is written back, or a token presented in the place of another one, before something else is wrong.
pub(crate) const MOST_AGAIN: usize = 3;

/// Refreshes, publishes, and says what the waiters get.
pub(crate) async fn run(
    parts: Arc<Parts>,
    session: Weak<Inner>,
    plan: Plan,
    wish: Option<Arc<Wish>>,
    cause: Cause,
) -> Refreshed {
    let span = RefreshSpan::new(&parts, &plan, cause);
    let known = (Weak::clone(&session), plan.clone(), wish.clone(), span.clone());
    let refresh = Refresh { parts, session: known.0, plan: known.1, wish: known.2, span: known.3 };
    let refreshed = match caught(span.around(refresh.run())).await {
        Ok(refreshed) => refreshed,
        // The clock, or this crate: every other call into the user's code is caught where it is made. Whether something was
        // sent is not known any more. Uncaught, this would panic for every later caller.
        Err(panicked) => {
            let error = Error::from(GrantError::ambiguous(panicked));
            span.end(Ended::crashed());
            if let Some(session) = session.upgrade() {
                session.crash(&plan, &error);
            }
            Err(error)
        }
    };
    // A failure that no caller has waited for is told to none: the next one has it tried again.
    if let (Some(wish), Err(error)) = (wish, &refreshed)
        && wish.is_wanted()
    {
        wish.end(Err(error.clone()));
    }
    refreshed
}

impl Refresh {
    async fn run(mut self) -> Refreshed {
        let end = match self.parts.common.clone() {
            Some(common) => common.obtain(&self.parts, &self.session, &self.plan).await.into(),
            None => self.obtain().await,
        };
        self.finish(end).await
    }

    async fn obtain(&mut self) -> End {
        let mut obtained = Vec::new();
        let mut end = self.rounds(&mut obtained).await;
        end.obtained.append(&mut obtained);
        end
    }

    /// Reads, claims and presents, until there is an end. What came for nothing is in `spare`.
    async fn rounds(&mut self, spare: &mut Vec<RefreshToken>) -> End {
        // No handle is left to renew anything for; and what the session had still to store is not seen from here any more.
        if self.session.strong_count() == 0 {
            return not_sent(Error::new(ErrorKind::Closed)).into();
        }
        let (mut watched, mut waiting) = (Watched::default(), Waiting::default());
        let (mut again, mut owner, mut changed_before, mut first) = (0, Owner::unique(), false, None);
        let limit = if self.plan.looks { LOOK } else { self.parts.policy().store_limit };
        loop {
            let asked = self.parts.now();
            let seen = match self.parts.load_within(limit).await {
                Ok(seen) => seen,
                Err(error) => return not_sent(error).into(),
            };
            let now = self.parts.now();
            let set = seen.entry.as_ref().map(|entry| entry.set);
            let fresh = set != *first.get_or_insert(set) || self.is_later(&seen);
            match self.parts.rules.reconcile(&self.plan, &seen, now) {
                Reconcile::Adopt(times) => return End { fresh, ..found(seen, Some(times)).into() },
                Reconcile::Over => return found(seen, None).into(),
                Reconcile::Refuse(error) => return failed(FailureClass::Config, error).into(),
                Reconcile::KeptBack => {
                    self.saw(&seen);
                    return Outcome::KeptBack { error: kept_back() }.into();
                }
                Reconcile::Again if again < MOST_AGAIN => {
                    again += 1;
                    let Some(op) = self.parts.again(self.plan.known.as_ref(), &seen) else { continue };
                    if let Err(failure) = self.apply(op).await {
                        return not_sent(failure.error).into();
                    }
                }
                Reconcile::Again => {
                    let error = "the store has lost a later state and does not take it back";
                    return not_sent(Error::with_source(ErrorKind::Store, error)).into();
                }
                Reconcile::Claim { request } => {
                    self.saw(&seen);
                    let (op, incarnation) = (seen.entry.as_ref().map(|entry| entry.op), seen.facts.incarnation);
                    let lengths = self.parts.rules.lengths();
                    let watched = watched.saw(op.unwrap_or(OpId::NONE), incarnation, now.boot, &lengths);
                    let since = Since::reading(asked, now);
                    match self.claim(owner, &seen, since, watched).await {
                        Claimed::Granted(entry) => {
                            let seen = Seen::new(Some(entry), seen.facts);
                            let since = since.at.boot;
                            let presentation = Presentation { refresh: self, owner, seen, read: asked, since, request };
                            match presentation.run().await {
                                Ok(end) => return end,
                                Err(Overtaken(token)) => spare.extend(token),
                            }
                            if again == MOST_AGAIN || self.is_late() {
                                let error = "another process has stored another token meanwhile, and it has run out";
                                return not_sent(Error::with_source(ErrorKind::Store, error)).into();
                            }
                            // Another owner: what the last claim has left on its way must not end the next one.
                            (again, owner, waiting) = (again + 1, Owner::unique(), Waiting::default());
                        }
                        // A storage whose reads lag behind its writes is not asked without end.
                        Claimed::Changed if changed_before => {
                            if self.is_late() {
                                let error = "what the store reads is older than what it compares with";
                                return not_sent(Error::with_source(ErrorKind::Store, error)).into();
                            }
                            if let Err(error) = self.parts.pause(LAG).await {
                                return not_sent(error).into();
                            }
                        }
                        Claimed::Changed => changed_before = true,
                        Claimed::Failed(error) => return not_sent(error).into(),
                        Claimed::Busy { retry_after, holder } => {
                            if let Err(error) = waiting.pause(self, retry_after, holder).await {
                                return not_sent(error).into();
                            }
                        }
                    }
                }
            }
        }
    }

    /// Whether there is no time for another presentation.
    fn is_late(&self) -> bool {
        let elapsed = self.parts.now().boot.saturating_sub(self.plan.started.boot);
        elapsed >= self.parts.rules.attempt_limit()
    }

    /// Whether the stored tokens have replaced what was known since this was asked, by the clock of the host that stored them. That
    /// may be ahead: of what is read for the first time nothing is believed.
    fn is_later(&self, seen: &Seen) -> bool {
        let (Some(known), Some(entry)) = (&self.plan.known, &seen.entry) else { return false };
        let since = |tokens: &StoredTokens| tokens.received >= self.plan.started.wall;
        entry.set != known.set && entry.tokens().is_some_and(since)
    }

    /// What is decided on this counts as seen, so that it is missed if the storage loses it. What is older is no news: the
    /// storage may have lost the later one already.
    fn saw(&mut self, seen: &Seen) {
        let known = self.plan.known.as_ref().map(|known| known.order());
        if let Some(entry) = seen.entry.as_ref().filter(|entry| known.is_none_or(|known| known <= entry.order())) {
            self.plan.known = Some(StdArc::new(entry.clone()));
        }
    }

    /// Does one operation on what this refresh has claimed. If only a loss of the storage was in its way, it is done again.
    pub(super) async fn apply_over(&self, op: &Op) -> Applied {
        let mut applied = self.apply(op.clone()).await;
        for _ in 0..MOST_AGAIN {
            if !is_refused_by_ancestor(self.plan.known.as_ref(), &applied) {
                break;
            }
            // Boxed, because it is rare, and would make every refresh larger. Another process may have written it back by now.
            if let Some(again) = Box::pin(self.parts.lost(self.plan.known.as_ref())).await? {
                Box::pin(self.apply(again)).await?;
            }
            applied = Box::pin(self.apply(op.clone().at(self.parts.now()))).await;
        }
        applied
    }

    /// Does one operation of the store, within its limit. What takes longer goes on, and is the session's to carry.
    pub(super) async fn apply(&self, op: Op) -> Applied {
        let id = op.id;
        let flight: Flight<Applied> = self.parts.apply(op);
        let Ok(stay) = flight.stay() else { return Err(unknown("the store waits for itself")) };
        match self.parts.within(self.parts.policy().store_limit, stay).await {
            Some(applied) => applied,
            None => {
                // If the session is gone, it is this refresh that carries it to its end.
                let Some(session) = self.session.upgrade() else {
                    return match flight.stay() {
                        Ok(stay) => Box::pin(stay).await,
                        Err(Recursion) => Err(unknown("the store waits for itself")),
                    };
                };
                session.owe(AnyFlight::Apply(flight, id));
                Err(unknown("the store did not answer in time"))
            }
        }
    }

    /// Whether the session still has it in progress.
    pub(super) fn is_wanted(&self) -> bool {
        let session = self.session.upgrade();
        session.is_some_and(|session| session.look(|slot, _| slot.machine.running(Work::Refresh) == Some(self.plan.id)))
    }

    /// An attempt of this session that has sent nothing, and whose claim may still be stored.
    pub(super) fn unsent(&self) -> Option<Owner> {
        self.session.upgrade()?.look(|slot, _| slot.machine.unsent())
    }

    /// Notes whether this attempt leaves a claim behind under which nothing was sent.
    pub(super) fn set_unsent(&self, owner: Owner, left: bool) {
        if let Some(session) = self.session.upgrade() {
            session.change(|slot, _| slot.machine.set_unsent(left.then_some(owner)));
        }
    }

    /// Publishes and frees the place, in one step. What a logout has made useless is revoked.
    async fn finish(self, end: End) -> Refreshed {
        let End { outcome, obtained, fresh } = end;
        let ended = Ended::from(&outcome);
        let useless = matches!(&outcome, Outcome::Found { entry, .. } if is_logged_out(entry.as_deref()));
        let Some(session) = self.session.upgrade() else {
            // No handle is left to use it; what matters is in the store.
            if useless {
                Box::pin(revoke(&self.parts, &self.session, obtained)).await;
            }
            if let Outcome::Obtained { saved: Saved::Unsaved { op, .. }, .. }
            | Outcome::Failed { rotated: Some(Saved::Unsaved { op, .. }), .. } = outcome
            {
                let pending = Pending::tried(op, self.plan.known);
                let unstored = Unstored { pending, generation: self.plan.generation };
                let _ = Box::pin(unstored.store(self.parts)).await;
            }
            self.span.end(ended.closed());
            return Err(Error::new(ErrorKind::Closed));
        };
        let times = match &outcome {
            Outcome::Obtained { times, .. } => Some(*times),
            _ => None,
        };
        let (finish, brought) = session.finish(&self.plan, outcome, fresh);
        self.span.end(ended.finished(&finish));
        if let (Some(wish), Finish::Adopted, Some(times), Some(brought)) = (&self.wish, &finish, times, &brought) {
            wish.end(Ok((brought.token.secret().clone(), times, brought.token.login())));
        }
        let stale = match &finish {
            Finish::Stale { logged_out } => Some(*logged_out),
            Finish::Adopted | Finish::Failed(_) | Finish::Nothing => None,
        };
        if useless || stale == Some(true) {
            Box::pin(revoke(&self.parts, &self.session, obtained)).await;
        }
        match finish {
            Finish::Adopted => brought.map(Some).ok_or_else(|| Error::new(ErrorKind::SessionChanged)),
            Finish::Nothing => Ok(None),
            Finish::Failed(error) => Err(error),
            Finish::Stale { logged_out: true } => Err(Error::new(ErrorKind::LoggedOut)),
            Finish::Stale { logged_out: false } => Err(Error::new(ErrorKind::SessionChanged)),
        }
    }
}

impl Inner {
    fn finish(&self, plan: &Plan, outcome: Outcome<Access>, fresh: bool) -> (Finish, Option<StdArc<Brought>>) {
        let random = self.parts.random();
        let ((finish, token, at), stamp) = self.change_and_show(|slot, now| {
            let finish = slot.machine.finish(plan, outcome, now, random);
            if !matches!(finish, Finish::Stale { .. }) {
                slot.end_refresh();
            }
            (finish, slot.token(), now.boot)
        });
        (finish, token.map(|token| StdArc::new(Brought { token, fresh, stamp, at })))
    }
}

fn is_logged_out(entry: Option<&Entry>) -> bool {
    entry.is_none_or(|entry| matches!(entry.state, EntryState::LoggedOut))
}

pub(super) const fn failed(class: FailureClass, error: Error) -> Outcome<Access> {
    Outcome::Failed { class, error, in_doubt: None, rotated: None }
}

/// The store could not be asked, so nothing was sent: a refresh token is never presented without a claim.
pub(super) const fn not_sent(error: Error) -> Outcome<Access> {
    failed(FailureClass::NotSent, error)
}

pub(super) fn kept_back() -> Error {
    Error::from(GrantError::ambiguous("another attempt with this refresh token never reported back"))
}

/// What the store's entry alone decides.
pub(super) fn found(seen: Seen, times: Option<Times>) -> Outcome<Access> {
    let tokens = seen.entry.as_ref().and_then(Entry::tokens);
    let access = tokens.and_then(|tokens| Some((tokens.access.clone()?, tokens.scope.clone()))).zip(times);
    let token = match access.map(|((access, scope), times)| Access::new(access, scope).map(|access| (access, times))) {
        Some(Err(unsendable)) => {
            return failed(FailureClass::Config, Error::failed(GrantError::config(unsendable)));
        }
        Some(Ok(token)) => Some(token),
        None => None,
    };
    Outcome::Found { entry: seen.entry.map(StdArc::new), token }
}
