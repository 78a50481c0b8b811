//! How a refresh ends, and what that is to the session and to those who wait.

use tokenflight_core::{
    Error, ErrorKind, FailureClass, GrantError, RefreshToken,
    store::{Entry, EntryState, Seen},
};
use tokenflight_machine::{Finish, Outcome, Pending, Plan, Saved, Times};

use super::store::Refresh;
use crate::{
    flights::{Brought, Refreshed},
    revoke::revoke,
    session::Access,
    slot::Inner,
    sync::StdArc,
    telemetry::Ended,
    unstored::Unstored,
};

/// How a refresh ended, and the refresh tokens the server sent with it.
pub(super) struct End {
    pub(super) outcome: Outcome<Access>,
    pub(super) obtained: Vec<Rotated>,
    /// Whether what it brings was issued since it began.
    pub(super) fresh: bool,
}

/// A refresh token that a refresh has brought.
pub(super) struct Rotated {
    pub(super) token: RefreshToken,
    /// Whether the store tells of a logout since it was claimed.
    pub(super) logged_out: bool,
}

impl From<RefreshToken> for Rotated {
    fn from(token: RefreshToken) -> Self {
        Self { token, logged_out: false }
    }
}

impl End {
    pub(super) fn brought(outcome: Outcome<Access>, obtained: Option<Rotated>) -> Self {
        Self { outcome, obtained: obtained.into_iter().collect(), fresh: true }
    }
}

impl From<Outcome<Access>> for End {
    fn from(outcome: Outcome<Access>) -> Self {
        Self { outcome, obtained: Vec::new(), fresh: true }
    }
}

impl Refresh {
    /// Publishes and frees the place, in one step. What a logout has made useless is revoked.
    pub(super) async fn finish(self, end: End) -> Refreshed {
        let End { outcome, obtained, fresh } = end;
        let ended = Ended::from(&outcome);
        let over = matches!(&outcome, Outcome::Found { entry, .. } if is_logged_out(entry.as_deref()));
        let Some(session) = self.session.upgrade() else {
            // No handle is left to use it; what matters is in the store.
            self.revoke(obtained, over || self.fate.is_logged_out()).await;
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
        let revokes = obtained.iter().any(|obtained| over || obtained.logged_out);
        let (finish, brought) = session.finish(&self.plan, outcome, fresh, revokes);
        self.span.end(ended.finished(&finish));
        if let (Some(wish), Finish::Adopted, Some(times), Some(brought)) = (&self.wish, &finish, times, &brought) {
            wish.end(Ok((brought.token.secret().clone(), times, brought.token.login())));
        }
        let stale = match &finish {
            Finish::Stale { logged_out } => Some(*logged_out),
            Finish::Adopted | Finish::Failed(_) | Finish::Nothing => None,
        };
        // Left to the session, it must not keep that alive.
        drop(session);
        self.revoke(obtained, over || stale == Some(true)).await;
        match finish {
            Finish::Adopted => brought.map(Some).ok_or_else(|| Error::new(ErrorKind::SessionChanged)),
            Finish::Nothing => Ok(None),
            Finish::Failed(error) => Err(error),
            Finish::Stale { logged_out: true } => Err(Error::new(ErrorKind::LoggedOut)),
            Finish::Stale { logged_out: false } => Err(Error::new(ErrorKind::SessionChanged)),
        }
    }

    /// Revokes what a logout has made useless: all of it, or what came for a login that was over.
    async fn revoke(&self, obtained: Vec<Rotated>, all: bool) {
        let useless = obtained.into_iter().filter(|obtained| all || obtained.logged_out);
        let useless: Vec<_> = useless.map(|obtained| obtained.token).collect();
        if !useless.is_empty() {
            Box::pin(revoke(&self.parts, &self.session, useless)).await;
        }
    }
}

impl Inner {
    /// If it still `revokes` something, others take it to its end, whatever becomes of its waiters.
    fn finish(
        &self,
        plan: &Plan,
        outcome: Outcome<Access>,
        fresh: bool,
        revokes: bool,
    ) -> (Finish, Option<StdArc<Brought>>) {
        let random = self.parts.random();
        let ((finish, token, at), stamp) = self.change_and_show(|slot, now| {
            let finish = slot.machine.finish(plan, outcome, now, random);
            if !matches!(finish, Finish::Stale { .. }) {
                if revokes { slot.leave_refresh() } else { slot.end_refresh() }
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

/// The store could not be asked, so nothing was sent: nothing is presented without a claim.
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
