use std::{fmt, future::ready, sync::Arc, time::Duration};

use tokenflight_core::{
    BoxFuture, Now, Time,
    store::{Clock as StorageClock, Facts},
};

use crate::ManualTime;

/// The clock that claims run out by, as far as the suite is concerned.
pub trait Clock: Send + Sync + 'static {
    /// What operations say the time is.
    fn now(&self) -> Now;

    /// Lets this much time pass for the store.
    fn pass(&self, duration: Duration) -> BoxFuture<'_, ()>;
}

/// Jumps.
impl Clock for ManualTime {
    fn now(&self) -> Now {
        Self::now(self)
    }

    fn pass(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.advance(duration);
        Box::pin(ready(()))
    }
}

/// A [`Clock`] that really waits, for stores with a clock of their own.
#[derive(Clone, Debug)]
pub struct WaitingClock<T>(pub T);

impl<T: Time> Clock for WaitingClock<T> {
    fn now(&self) -> Now {
        self.0.now()
    }

    fn pass(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.0.sleep(duration)
    }
}

/// What the suites need besides the store or cell.
#[derive(Clone)]
pub struct Setting {
    pub(super) clock: Arc<dyn Clock>,
    pub(super) length: Duration,
    pub(super) prefix: String,
}

impl Default for Setting {
    fn default() -> Self {
        Self::new()
    }
}

impl Setting {
    /// A clock that jumps, claims of a minute, and keys that begin with `contract`.
    #[must_use]
    pub fn new() -> Self {
        Self { clock: Arc::new(ManualTime::new(0)), length: Duration::from_secs(60), prefix: "contract".to_owned() }
    }

    /// Another clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Another length of claims. With a [`WaitingClock`] the suite takes about four of it; an
    /// operation must take less than a tenth of it.
    #[must_use]
    pub const fn claim_length(mut self, length: Duration) -> Self {
        self.length = length;
        self
    }

    /// Another beginning of keys. A second run over the same data needs one.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setting").field("length", &self.length).field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Whether what a storage said before and after a pause of this length fits together.
pub(super) fn goes_on(before: Facts, after: Facts, pause: Duration) -> Result<(), String> {
    if before.incarnation != after.incarnation {
        return Err("the incarnation changed by itself".to_owned());
    }
    let passed = match (before.clock, after.clock) {
        (StorageClock::Storage { id, now }, StorageClock::Storage { id: other, now: later }) if id == other => {
            later.saturating_sub(now)
        }
        (one, other) if one == other => return Ok(()),
        _ => return Err("the clock became another one by itself".to_owned()),
    };
    if after.trusted && passed.abs_diff(pause) > pause / 4 {
        return Err(format!("the clock is trusted, and shows {passed:?} where {pause:?} have passed"));
    }
    Ok(())
}
