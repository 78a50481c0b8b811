//! When each session is to be looked at: one ordered set for all of them, so one timer serves all.

use std::{collections::BTreeSet, time::Duration};

/// Sessions by the time at which they are due, on the boot clock. Renewals fall on whole seconds
/// (the machine draws them so), hence many sessions share one wake-up.
#[derive(Debug, Default)]
pub(super) struct Schedule(BTreeSet<(Duration, usize)>);

impl Schedule {
    /// Moves a session from one time to another.
    pub(super) fn set(&mut self, index: usize, from: &mut Option<Duration>, to: Option<Duration>) {
        if let Some(from) = from.take() {
            self.0.remove(&(from, index));
        }
        if let Some(to) = to {
            self.0.insert((to, index));
        }
        *from = to;
    }

    /// The earliest time.
    pub(super) fn first(&self) -> Option<Duration> {
        self.0.first().map(|(due, _)| *due)
    }

    /// The sessions that are due by now. They stay until they are moved.
    pub(super) fn due(&self, now: Duration) -> Vec<usize> {
        self.0.range(..=(now, usize::MAX)).map(|(_, index)| *index).collect()
    }
}
