//! The one way out: what is told, and the times that go with it.

use std::time::Duration;

use tokenflight_core::Event;

use super::{label::Timer, signal::Signal, trace};
use crate::parts::Parts;

impl Parts {
    /// Tells this, if something listens. To be called with nothing locked.
    #[inline]
    pub(crate) fn signal(&self, make: impl FnOnce() -> Signal) {
        if trace::listens() {
            self.telemetry.0.tell(make());
        }
    }

    /// Tells an event to the session's listeners, and what it is about to those of the program.
    pub(crate) fn tell(&self, event: &Event) {
        self.signal(|| event.into());
        self.listeners.tell(event);
    }

    /// Something begins now.
    #[inline]
    pub(crate) fn timer(&self) -> Timer {
        Timer(trace::began(|| self.now().boot))
    }

    /// How long ago that was.
    pub(crate) fn since(&self, timer: Timer) -> Duration {
        trace::boot(timer.0).map_or(Duration::ZERO, |began| self.now().boot.saturating_sub(began))
    }
}
