//! Waiting after failures: exponential with full jitter, owned by the session, not by its callers.

use std::time::Duration;

use tokenflight_core::Error;

use super::life::unit;

/// No attempt follows a failure sooner: what fails at once must not spin.
const FLOOR: Duration = Duration::from_millis(10);

/// Failures in a row, and when the next attempt may be made.
#[derive(Clone, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    /// On the boot clock.
    not_before: Duration,
    /// The last failure, for callers that cannot wait.
    error: Option<Error>,
    kind: Kind,
}

/// Why the waiting time is what it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Drawn,
    /// The server named the time: it is never skipped.
    Told,
    /// The next attempt is the prompt one that a grace window allows.
    Prompt,
}

impl Backoff {
    /// One more failure: wait for `U(0, min(cap, base · 2ⁿ))`. Returns the failure before it.
    #[must_use]
    pub(super) fn fail(
        &mut self,
        (base, cap): (Duration, Duration),
        now: Duration,
        random: u64,
        error: Error,
    ) -> Option<Error> {
        let ceiling = base.saturating_mul(2_u32.saturating_pow(self.failures)).min(cap);
        self.set(now.saturating_add(ceiling.mul_f64(unit(random)).max(FLOOR)), Kind::Drawn, error)
    }

    /// The server named a time.
    #[must_use]
    pub(super) fn hold(&mut self, until: Duration, error: Error) -> Option<Error> {
        self.set(until, Kind::Told, error)
    }

    /// The same attempt will be made again promptly.
    #[must_use]
    pub(super) fn again(&mut self, until: Duration, error: Error) -> Option<Error> {
        self.set(until, Kind::Prompt, error)
    }

    fn set(&mut self, until: Duration, kind: Kind, error: Error) -> Option<Error> {
        self.failures = self.failures.saturating_add(1);
        (self.not_before, self.kind) = (until, kind);
        self.error.replace(error)
    }

    /// Begins anew. Returns the last failure.
    #[must_use]
    pub(super) fn reset(&mut self) -> Option<Error> {
        std::mem::take(self).error
    }

    /// The last failure, while its waiting time has not passed.
    pub(super) fn waiting(&self, now: Duration) -> Option<&Error> {
        self.error.as_ref().filter(|_| now < self.not_before)
    }

    /// Whether the server itself named the time.
    pub(super) fn is_told(&self) -> bool {
        self.kind == Kind::Told
    }

    /// When the prompt attempt is made, until then.
    pub(super) fn prompt(&self, now: Duration) -> Option<Duration> {
        (self.kind == Kind::Prompt && now < self.not_before).then_some(self.not_before)
    }

    pub(super) const fn not_before(&self) -> Duration {
        self.not_before
    }

    pub(super) const fn last(&self) -> Option<&Error> {
        self.error.as_ref()
    }
}
