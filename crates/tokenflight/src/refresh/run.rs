use std::time::Duration;

use tokenflight_core::{
    Error, ErrorKind, FailureClass, GrantError,
    store::{OpId, Owner, Seen, StoredTokens},
};
use tokenflight_machine::{Outcome, Plan, Reconcile, present::Watched};

use super::{
    claim::{Claimed, Since, Waiting},
    end::{End, Rotated, failed, found, kept_back, not_sent},
    present::{Overtaken, Presentation},
    store::Refresh,
    wish::Wish,
};
use crate::{
    catch::caught,
    flight::Fate,
    flights::Refreshed,
    parts::{MOST_AGAIN, Parts},
    slot::Inner,
    sync::{Arc, StdArc, Weak},
    telemetry::{Cause, Ended, RefreshSpan},
};

/// The pause after a claim that met another entry than was read, from the second time on.
const LAG: Duration = Duration::from_millis(20);

/// How long a look into the store may take: callers wait that could have their answer at once.
const LOOK: Duration = Duration::from_secs(2);

/// Refreshes, publishes, and says what the waiters get.
pub(crate) async fn run(
    parts: Arc<Parts>,
    session: Weak<Inner>,
    plan: Plan,
    wish: Option<Arc<Wish>>,
    cause: Cause,
    fate: Fate,
) -> Refreshed {
    let span = RefreshSpan::new(&parts, &plan, cause);
    let known = (Weak::clone(&session), plan.clone(), wish.clone(), span.clone());
    let refresh = Refresh { parts, session: known.0, plan: known.1, wish: known.2, span: known.3, fate };
    let refreshed = match caught(span.around(refresh.run())).await {
        Ok(refreshed) => refreshed,
        // The clock, or this crate: every other call into the user's code is caught where it is
        // made. Whether something was sent is not known any more. Uncaught, this would panic for
        // every later caller.
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
    async fn rounds(&mut self, spare: &mut Vec<Rotated>) -> End {
        // No handle is left to renew anything for; and what the session had still to store is not
        // seen from here any more.
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
                            // Another owner: what the last left on its way must not end the next.
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

    /// Whether the stored tokens have replaced what was known since this was asked, by the storing
    /// host's clock. That may be ahead: of what is read for the first time nothing is believed.
    fn is_later(&self, seen: &Seen) -> bool {
        let (Some(known), Some(entry)) = (&self.plan.known, &seen.entry) else { return false };
        let since = |tokens: &StoredTokens| tokens.received >= self.plan.started.wall;
        entry.set != known.set && entry.tokens().is_some_and(since)
    }

    /// What is decided on this counts as seen, so that it is missed if the storage loses it. What
    /// is older is no news: the storage may have lost the later one already.
    fn saw(&mut self, seen: &Seen) {
        let known = self.plan.known.as_ref().map(|known| known.order());
        if let Some(entry) = seen.entry.as_ref().filter(|entry| known.is_none_or(|known| known <= entry.order())) {
            self.plan.known = Some(StdArc::new(entry.clone()));
        }
    }
}
