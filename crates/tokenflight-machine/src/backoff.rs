//! Waiting after failures: exponential with full jitter, owned by the grant and not by callers.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::life::unit;
use tokenflight_core::Error;

/// Enough doublings to reach any cap; more would only cost time.
const MAX_DOUBLINGS: usize = 32;

/// Failures in a row, and when the next attempt may be made.
#[derive(Clone, Debug, Default)]
pub(super) struct Backoff {
    failures: usize,
    /// On the boot clock.
    not_before: Duration,
    /// The last failure, for those who cannot wait.
    error: Option<Error>,
    /// Whether the server itself named the time: then nobody skips it.
    told: bool,
    /// Whether the next attempt is the prompt one that a grace window allows.
    prompt: bool,
}

impl Backoff {
    /// One more failure: wait for `U(0, min(cap, base · 2ⁿ))`.
    pub(super) fn fail(&mut self, (base, cap): (Duration, Duration), now: Duration, random: u64, error: Error) {
        let ceiling = ceiling(base, cap, self.failures);
        self.failures = self.failures.saturating_add(1);
        self.not_before = now.saturating_add(ceiling.mul_f64(unit(random)));
        (self.told, self.prompt) = (false, false);
        self.error = Some(error);
    }

    /// The server named a time.
    pub(super) fn hold(&mut self, until: Duration, error: Error) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = until;
        (self.told, self.prompt) = (true, false);
        self.error = Some(error);
    }

    /// The same attempt will be made again promptly.
    pub(super) fn again(&mut self, until: Duration, error: Error) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = until;
        (self.told, self.prompt) = (false, true);
        self.error = Some(error);
    }

    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// The last failure, while its waiting time has not passed.
    pub(super) fn waiting(&self, now: Duration) -> Option<&Error> {
        self.error.as_ref().filter(|_| now < self.not_before)
    }

    pub(super) const fn told(&self) -> bool {
        self.told
    }

    /// When the prompt attempt is made, until then.
    pub(super) fn prompt(&self, now: Duration) -> Option<Duration> {
        (self.prompt && now < self.not_before).then_some(self.not_before)
    }

    pub(super) const fn not_before(&self) -> Duration {
        self.not_before
    }

    pub(super) const fn last(&self) -> Option<&Error> {
        self.error.as_ref()
    }
}

/// The longest waiting time after `failures` failures before this one.
fn ceiling(base: Duration, cap: Duration, failures: usize) -> Duration {
    ExponentialBuilder::new()
        .with_min_delay(base)
        .with_max_delay(cap)
        .with_factor(2.0)
        .without_max_times()
        .build()
        .nth(failures.min(MAX_DOUBLINGS))
        .unwrap_or(cap)
        .min(cap)
}
