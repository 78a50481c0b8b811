//! The storm guard: an origin that refuses everything costs a few rotations, not one for each request.

use std::time::Duration;

use super::OriginId;

/// Origins remembered at once; a client that talks to more has the oldest forgotten.
const MAX_ORIGINS: usize = 64;

/// Reactive refreshes without a success since, by origin.
#[derive(Clone, Debug, Default)]
pub(super) struct Storms(Vec<Storm>);

#[derive(Clone, Debug)]
struct Storm {
    origin: OriginId,
    /// When refreshes were started for it, on the boot clock, oldest first.
    starts: Vec<Duration>,
}

impl Storms {
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the origin has used up its refreshes.
    pub(super) fn futile(&self, origin: OriginId, now: Duration, window: Duration, limit: usize) -> bool {
        let recent = |start: &&Duration| start.saturating_add(window) > now;
        self.0
            .iter()
            .find(|storm| storm.origin == origin)
            .is_some_and(|storm| storm.starts.iter().filter(recent).count() >= limit)
    }

    /// A refresh was started because the origin refused a token.
    pub(super) fn count(&mut self, origin: OriginId, now: Duration, window: Duration) {
        let index = self.0.iter().position(|storm| storm.origin == origin).unwrap_or_else(|| {
            if self.0.len() == MAX_ORIGINS {
                self.0.remove(0);
            }
            self.0.push(Storm { origin, starts: Vec::new() });
            self.0.len() - 1
        });
        let starts = &mut self.0[index].starts;
        starts.retain(|start| start.saturating_add(window) > now);
        starts.push(now);
    }

    /// The origin accepted a token.
    pub(super) fn calm(&mut self, origin: OriginId) {
        self.0.retain(|storm| storm.origin != origin);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
