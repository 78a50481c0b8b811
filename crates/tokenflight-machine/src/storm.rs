//! The storm guard: an origin that refuses everything costs a few rotations, not one for each request.
//!
//! What counts is a refresh that did not help: the new token was refused as well, by the replay or by a later request, or the
//! server gave the refused one again.
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
    /// When new tokens were refused, on the boot clock, oldest first; not more of them than the limit.
    strikes: Vec<Duration>,
    /// The generation that was counted last: each counts once, however many requests it disappoints.
    counted: Generation,
    /// The generation it refused last, until it accepts a request that is sent again.
    refused: Option<Refusal>,
    /// Until when refreshing rests, on the boot clock.
    rests: Duration,
    /// How often it has rested in a row: the window doubles, and after a rest one strike is enough for the next.
    rested: u32,
    repeat: Option<Repeat>,
}

/// What an origin has refused.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    generation: Generation,
    /// Whether it refused a request that is not sent again: what it accepts then is another one, perhaps of another path.
    returned: bool,
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
    pub(super) fn rests(&self, origin: OriginId, generation: Generation, now: Duration) -> bool {
        let Some(storm) = self.0.iter().find(|storm| storm.origin == origin) else { return false };
        let repeated = storm.repeat.is_some_and(|repeat| repeat.generation == generation && now < repeat.until);
        repeated || now < storm.rests
    }

    /// Whether the origin has refused an earlier generation than this one, and accepted none since. What others have refused
    /// in between does not count.
    pub(super) fn refused_before(&self, origin: OriginId, generation: Generation) -> bool {
        let refused = self.0.iter().find(|storm| storm.origin == origin).and_then(|storm| storm.refused);
        refused.is_some_and(|refused| refused.generation < generation)
    }

    /// The origin refuses this generation, and a newer one is to be obtained.
    pub(super) fn refuses(&mut self, origin: OriginId, generation: Generation, returned: bool) {
        let refused = &mut self.of(origin).refused;
        let returned = returned || refused.is_some_and(|last| last.generation == generation && last.returned);
        *refused = Some(Refusal { generation, returned });
    }

    /// The origin has accepted a request that it had refused.
    pub(super) fn accepts(&mut self, origin: OriginId) {
        if let Some(storm) = self.0.iter_mut().find(|storm| storm.origin == origin) {
            storm.refused = storm.refused.filter(|refused| refused.returned);
        }
    }

    /// The origin has refused this generation, which a refresh has just brought.
    pub(super) fn strike(&mut self, origin: OriginId, generation: Generation, now: Duration, policy: &Policy) {
        let storm = self.of(origin);
        if storm.counted == generation {
            return;
        }
        storm.counted = generation;
        let window = |doubled: u32| policy.storm_window.saturating_mul(2_u32.saturating_pow(doubled));
        let last = window(storm.rested.saturating_sub(1));
        if storm.strikes.last().is_some_and(|strike| strike.saturating_add(last) <= now) {
            storm.rested = 0;
        }
        if storm.rested == 0 {
            storm.strikes.retain(|strike| strike.saturating_add(window(0)) > now);
        }
        storm.strikes.push(now);
        let first = storm.strikes.len().saturating_sub(policy.storm_limit);
        storm.strikes.drain(..first);
        if storm.strikes.len() == policy.storm_limit {
            let oldest = storm.strikes.first().copied().unwrap_or(now);
            storm.rests = oldest.saturating_add(window(storm.rested));
            storm.rested = storm.rested.saturating_add(1);
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
            self.0.push(Storm {
                origin,
                strikes: Vec::new(),
                counted,
                refused: None,
                rests: Duration::ZERO,
                rested: 0,
                repeat: None,
            });
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
