//! What the last handle of a session leaves to its driver.

use std::fmt;

use tokenflight_core::Event;

use crate::{
    flights::AnyFlight,
    parts::Parts,
    sync::{Arc, AtomicUsize, Ordering},
};

/// What is still in progress when the last handle goes. Dropped before all of it has ended, it tells that it was abandoned.
pub(crate) struct Left {
    parts: Arc<Parts>,
    pub(super) flights: Vec<AnyFlight>,
    ended: AtomicUsize,
}

impl Left {
    pub(crate) const fn new(parts: Arc<Parts>, flights: Vec<AnyFlight>) -> Self {
        Self { parts, flights, ended: AtomicUsize::new(0) }
    }

    /// One of its flights has come to its end.
    pub(super) fn end_one(&self) {
        self.ended.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        if self.ended.load(Ordering::Relaxed) < self.flights.len() {
            self.parts.tell(&Event::Abandoned);
        }
    }
}

impl fmt::Debug for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Left").field("flights", &self.flights.len()).finish_non_exhaustive()
    }
}
