//! Looking into the store while the authorization server is left alone after a failure: another
//! process may have renewed.

use std::time::Duration;

use tokenflight_core::{Error, ErrorKind, Now, grant::Reason};

use super::{Decision, Finish, Machine, Plan, Role, Start, Token};

impl<T: Token> Machine<T> {
    /// When a caller that has to wait for the authorization server may look into the store, on the
    /// boot clock. `None` if there is nothing to see: no other process writes it, it is what has
    /// failed, or the current token will do.
    pub(super) fn looks_at(&self, now: Now) -> Option<Duration> {
        let shared = !self.rules.private_store && self.rules.role == Role::Alone;
        let failure = self.backoff.waiting(now.boot).filter(|_| shared)?;
        let served = self.held().is_some_and(|held| held.lives(now) && held.rejected.is_empty());
        (!served && *failure.kind() != ErrorKind::Store).then_some(self.looks.at)
    }

    /// Another refresh is started, which does not look.
    pub(super) const fn no_look(&mut self) {
        self.looks.last = false;
    }

    pub(super) fn look(&mut self, now: Now) -> Decision {
        let plan = Plan { looks: true, ..self.start(Reason::Load, now) };
        self.looks.last = true;
        Decision::Start(Start::Refresh(plan))
    }

    /// There was nothing new, or the store could not be read. What was read counts as seen, and all
    /// else is as it was.
    pub(super) fn looked(&mut self, error: Error, failed: bool, now: Now) -> Finish {
        self.discard(Some(error));
        self.looks = self.looks.again(failed, now);
        Finish::Nothing
    }

    /// Whether a look is in progress, or the authorization server is left alone and there is no
    /// other refresh either: no newer token is on its way.
    pub(super) fn is_left_alone(&self, now: Now) -> bool {
        (self.refresh.is_none() || self.looks.last) && self.backoff.waiting(now.boot).is_some()
    }
}
