//! Looking into the store while the authorization server is left alone after a failure: another
//! process may have renewed.

use std::time::Duration;

use tokenflight_core::{Error, ErrorKind, Now, grant::Reason};

use super::{Decision, Finish, Machine, Plan, Role, Start, Token};

/// The pause between two looks: at first, and at last.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// The pause after a look that could not read the store.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// When to look again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looks {
    /// On the boot clock.
    at: Duration,
    /// Looks since the failure.
    looks: u8,
    /// The refresh that was started last, in progress or not, is one.
    last: bool,
}

impl Looks {
    /// A refresh has failed; it had read the store.
    pub(super) fn after_failure(now: Now) -> Self {
        Self { at: now.boot.saturating_add(PAUSE.0), looks: 0, last: false }
    }
}

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

    /// There was nothing new, or the store could not be read: then it is left alone for longer.
    /// What was read counts as seen, and all else is as it was.
    pub(super) fn looked(&mut self, error: Error, failed: bool, now: Now) -> Finish {
        self.discard(Some(error));
        let looks = self.looks.looks.saturating_add(1);
        let pause = PAUSE.0.saturating_mul(2_u32.saturating_pow(looks.into())).min(PAUSE.1);
        self.looks =
            Looks { at: now.boot.saturating_add(if failed { AFTER_FAILURE } else { pause }), looks, last: true };
        Finish::Nothing
    }

    /// Whether a look is in progress, or the authorization server is left alone and there is no
    /// other refresh either: no newer token is on its way.
    pub(super) fn is_left_alone(&self, now: Now) -> bool {
        (self.refresh.is_none() || self.looks.last) && self.backoff.waiting(now.boot).is_some()
    }
}
