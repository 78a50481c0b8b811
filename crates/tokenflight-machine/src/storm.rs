//! The storm guard: an origin that refuses everything costs a few rotations, not one a request.
//!
//! What counts is a refresh that did not help: the new token was refused as well, by the replay or
//! by a later request, or the server gave the refused one again. A success of another request
//! forgives nothing: behind one origin there may be a path that accepts and one that does not.

use std::time::Duration;

use tokenflight_core::Generation;

use super::{OriginId, Policy};

/// Origins remembered at once; a client that talks to more has those forgotten first that have not
/// been struck for longest.
const MAX_ORIGINS: usize = 64;

/// Refreshing for an origin rests no longer than this, unless the window is longer: it may have
/// been mended meanwhile.
const LONGEST_REST: Duration = Duration::from_secs(60 * 60);

/// Refreshes that did not help, by origin.
#[derive(Clone, Debug, Default)]
pub(super) struct Storms(Vec<Storm>);

#[derive(Clone, Debug)]
struct Storm {
    origin: OriginId,
    /// How many new tokens it has refused in a row.
    strikes: usize,
    /// The generation counted last: each counts once, however many requests it disappoints.
    counted: Generation,
    /// The generation it refused last, until it accepts a request that is sent again.
    refused: Option<Refusal>,
    /// Until when refreshing rests, on the boot clock; when it was struck last, if there are not
    /// enough strikes for a rest.
    rests: Duration,
    repeat: Option<Repeat>,
}

/// What an origin has refused.
#[derive(Clone, Copy, Debug)]
struct Refusal {
    generation: Generation,
    /// Whether it refused a request that is not sent again: what it accepts then is another one,
    /// perhaps of another path.
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

impl Storm {
    fn new(origin: OriginId) -> Self {
        Self { origin, strikes: 0, counted: Generation::default(), refused: None, rests: Duration::ZERO, repeat: None }
    }
}

impl Storms {
    /// Whether refreshing for this origin rests.
    pub(super) fn rests(&self, origin: OriginId, generation: Generation, now: Duration) -> bool {
        let Some(storm) = self.0.iter().find(|storm| storm.origin == origin) else { return false };
        let repeated = storm.repeat.is_some_and(|repeat| repeat.generation == generation && now < repeat.until);
        repeated || now < storm.rests
    }

    /// Whether the origin has refused an earlier generation than this one, and accepted none since.
    /// What others have refused in between does not count.
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
    ///
    /// Strikes are in a row if no whole window lies between them, rests not counted. When there are
    /// enough of them, each is followed by a rest that is twice as long as the one before.
    pub(super) fn strike(&mut self, origin: OriginId, generation: Generation, now: Duration, policy: &Policy) {
        let storm = self.of(origin);
        if storm.counted == generation {
            return;
        }
        storm.counted = generation;
        let window = policy.storm_window;
        if storm.rests.saturating_add(window) <= now {
            storm.strikes = 0;
        }
        storm.strikes = storm.strikes.saturating_add(1);
        let rest = storm.strikes.checked_sub(policy.storm_limit).map_or(Duration::ZERO, |doubled| {
            let windows = 2_u32.saturating_pow(u32::try_from(doubled).unwrap_or(u32::MAX));
            window.saturating_mul(windows).min(LONGEST_REST.max(window))
        });
        storm.rests = now.saturating_add(rest);
    }

    /// A refresh for this origin repeated the refused token: let it rest, twice as long each time.
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
                let calmest = (0..MAX_ORIGINS).min_by_key(|index| self.0[*index].rests);
                calmest.map(|index| self.0.swap_remove(index));
            }
            self.0.push(Storm::new(origin));
            self.0.len() - 1
        });
        &mut self.0[index]
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
