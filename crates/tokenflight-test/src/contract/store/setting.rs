use std::{fmt, future::ready, sync::Arc, time::Duration};

use tokenflight_core::{BoxFuture, Now, Time};

use crate::ManualTime;

/// The clock that leases run out by, as far as the suite is concerned.
pub trait Clock: Send + Sync + 'static {
    /// What claims say the time is.
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

/// What the rules need besides the store.
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
    /// A clock that jumps, leases of a minute, and keys that begin with `contract`.
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

    /// Another length of leases. With a [`WaitingClock`] the suite takes about five of it; an operation must take far
    /// less than half of it.
    #[must_use]
    pub const fn lease_length(mut self, length: Duration) -> Self {
        self.length = length;
        self
    }

    /// Another beginning of keys.
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
