//! The storm guard: an origin that refuses everything costs a few rotations, not one for each request.
//!
//! What counts is a refresh that did not help: the new token was refused as well, or the server gave the refused one again.
//! A success of another request forgives nothing: behind one origin there may be a path that accepts and one that does not.

use std::time::Duration;

use tokenflight_core::Generation;

use super::{OriginId, Policy};

/// Origins remembered at once; a client that talks to more has the oldest forgotten.
const MAX_ORIGINS: usize = 64;

/// Refreshes that did not help, by origin.
#[derive(Clone, Debug, Default)]
pub(super) struct Storms(Vec<Storm>);

#[derive(Clone, Debug)]
struct Storm {
    origin: OriginId,
    /// When new tokens were refused, on the boot clock, oldest first.
    strikes: Vec<Duration>,
    /// The generation that was counted last: each counts once, however many requests it disappoints.
    counted: Generation,
    /// How often the limit was reached in a row: the window doubles.
    exhausted: u32,
    repeat: Option<Repeat>,
}

/// A refresh brought the very access token that this origin had refused.
#[derive(Clone, Copy, Debug)]
struct Repeat {
    /// Another token is another matter.
    generation: Generation,
    /// Until when refreshing is futile, on the boot clock.
    until: Duration,
    wait: Duration,
}

impl Storms {
    /// Whether refreshing for this origin rests.
    pub(super) fn rests(&self, origin: OriginId, generation: Generation, now: Duration, policy: &Policy) -> bool {
        let Some(storm) = self.0.iter().find(|storm| storm.origin == origin) else { return false };
        let repeated = storm.repeat.is_some_and(|repeat| repeat.generation == generation && now < repeat.until);
        repeated || storm.recent(now, policy) >= policy.storm_limit
    }

    /// The origin has refused this generation, which a refresh has just brought.
    pub(super) fn strike(&mut self, origin: OriginId, generation: Generation, now: Duration, policy: &Policy) {
        let storm = self.of(origin);
        if storm.counted == generation && !storm.strikes.is_empty() {
            return;
        }
        let window = storm.window(policy);
        if storm.strikes.last().is_some_and(|last| last.saturating_add(window) <= now) {
            storm.exhausted = 0;
        }
        let window = storm.window(policy);
        storm.strikes.retain(|strike| strike.saturating_add(window) > now);
        storm.counted = generation;
        storm.strikes.push(now);
        if storm.strikes.len() == policy.storm_limit {
            storm.exhausted = storm.exhausted.saturating_add(1);
        }
    }

    /// A refresh for this origin brought the refused token again: leave it alone, each time for twice as long.
    pub(super) fn repeated(&mut self, origin: OriginId, generation: Generation, now: Duration, policy: &Policy) {
        let most = policy.storm_window;
        let least = policy.fresh_window.max(policy.backoff_base).min(most);
        let repeat = &mut self.of(origin).repeat;
        let last = repeat.filter(|last| last.generation == generation);
        let wait = last.map_or(least, |last| last.wait.saturating_mul(2)).min(most);
        *repeat = Some(Repeat { generation, until: now.saturating_add(wait), wait });
    }

    fn of(&mut self, origin: OriginId) -> &mut Storm {
        let index = self.0.iter().position(|storm| storm.origin == origin).unwrap_or_else(|| {
            if self.0.len() == MAX_ORIGINS {
                self.0.remove(0);
            }
            let counted = Generation::default();
            self.0.push(Storm { origin, strikes: Vec::new(), counted, exhausted: 0, repeat: None });
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Storm {
    /// For how long a strike counts.
    fn window(&self, policy: &Policy) -> Duration {
        policy.storm_window.saturating_mul(2_u32.saturating_pow(self.exhausted.saturating_sub(1)))
    }

    fn recent(&self, now: Duration, policy: &Policy) -> usize {
        let window = self.window(policy);
        self.strikes.iter().filter(|strike| strike.saturating_add(window) > now).count()
    }
}
