//! What the last handle of a session leaves to its drivers.

use std::fmt;

use tokenflight_core::Event;

use crate::{
    flights::AnyFlight,
    parts::Parts,
    sync::{Arc, AtomicUsize, Ordering},
};

/// What is still in progress when the last handle goes. Every driver of the session has it, and
/// those that are polled carry it to its end. Dropped by all of them before that, it tells that it
/// was abandoned, once.
pub(crate) struct Left {
    parts: Arc<Parts>,
    pub(super) flights: Vec<AnyFlight>,
    /// Flights that cannot be carried from inside of them.
    around: AtomicUsize,
    told: bool,
}

impl Left {
    /// `told` says whether it was told before.
    pub(crate) const fn new(parts: Arc<Parts>, flights: Vec<AnyFlight>, told: bool) -> Self {
        Self { parts, flights, around: AtomicUsize::new(0), told }
    }

    /// The driver runs inside one of its flights, which goes on around it.
    pub(super) fn is_around(&self) {
        self.around.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        let open = self.flights.iter().filter(|flight| !flight.is_finished()).count();
        if !self.told && open > self.around.load(Ordering::Relaxed) {
            self.parts.tell(&Event::Abandoned);
        }
    }
}

impl fmt::Debug for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Left").field("flights", &self.flights.len()).finish_non_exhaustive()
    }
}
