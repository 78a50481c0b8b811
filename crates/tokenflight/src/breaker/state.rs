//! What is decided: no lock, no clock.

use std::{collections::BTreeMap, time::Duration};

use super::{
    held::{Held, Why},
    settings::Settings,
    window::{Sum, Window},
};

/// A presentation that is not answered takes its place for so long: one that no task polls any more
/// has none to keep.
const LONGEST_UNDER_WAY: Duration = Duration::from_secs(60);

/// The longest time for which no session asks.
const LONGEST: Duration = Duration::from_secs(3600);

/// Where a [`Breaker`](super::Breaker) stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerState {
    /// Sessions present as they need to.
    Closed,
    /// None does.
    Open {
        /// In what time one does.
        next: Duration,
    },
    /// Some do, to find out.
    HalfOpen,
}

/// What a breaker knows, at moments of the boot clock.
#[derive(Debug)]
pub(super) struct State {
    settings: Settings,
    phase: Phase,
    /// Counts the phases. What was sent in another one says nothing about this one.
    era: u64,
    window: Window,
    /// Refresh tokens that were presented in this era and are not answered yet, and since when.
    under_way: BTreeMap<u64, Duration>,
    /// The number of the next.
    next: u64,
    /// How many may be while it is closed, if that is more than what it takes to open it.
    burst: u32,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    /// Closed by hand: nothing is counted.
    Lifted {
        until: Duration,
    },
    Open {
        until: Duration,
        trip: Trip,
    },
    /// Some ask, to find out.
    HalfOpen {
        lived: u32,
        trip: Trip,
    },
}

/// Why it opened, and for how long.
#[derive(Clone, Copy, Debug)]
struct Trip {
    sum: Sum,
    wait: Duration,
}

/// What became of a presentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The session lives.
    Lived,
    Ended,
    /// Nothing is known, or nothing about the refresh token.
    None,
}

/// What is told of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Opened { ended: u32, answered: u32, wait: Duration },
    Closed,
}

/// Which phase a presentation belongs to, and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Era(u64, u64);

impl State {
    pub(super) fn new(settings: Settings) -> Self {
        let window = Window::new(settings.window);
        let burst = settings.ends;
        Self { settings, phase: Phase::Closed, era: 0, window, under_way: BTreeMap::new(), next: 0, burst }
    }

    pub(super) const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A session wants to present its refresh token.
    pub(super) fn enter(&mut self, now: Duration) -> Result<Era, Held> {
        self.pass(now);
        let held = match self.phase {
            Phase::Open { until, trip } => Some(trip.held(Why::Open { next: until.saturating_sub(now) })),
            _ if self.room(now) > 0 => None,
            Phase::HalfOpen { trip, .. } => Some(trip.held(Why::Trial)),
            Phase::Closed | Phase::Lifted { .. } => Some(Held::new(Why::Unanswered, 0, 0)),
        };
        if let Some(held) = held {
            return Err(held);
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.under_way.insert(number, now);
        Ok(Era(self.era, number))
    }

    /// It was given up, and says nothing.
    pub(super) fn give_up(&mut self, era: Era, crowded: bool) {
        if era.0 == self.era {
            self.ends_one(era, false, crowded);
        }
    }

    /// One less is under way. If it `lived` while others wait, it makes room for another one: what
    /// has lived one after the other says nothing about many at once. The room goes with the crowd.
    fn ends_one(&mut self, era: Era, lived: bool, crowded: bool) {
        self.under_way.remove(&era.1);
        let burst = match (lived, crowded) {
            (true, true) => self.burst.saturating_add(1),
            (_, false) if self.under_way.is_empty() => 0,
            _ => self.burst.saturating_sub(1),
        };
        self.burst = burst.max(self.settings.ends);
    }

    /// It is answered; `crowded` says whether others wait.
    pub(super) fn leave(&mut self, era: Era, answer: Answer, crowded: bool, now: Duration) -> Option<Change> {
        self.pass(now);
        if era.0 != self.era {
            return None;
        }
        self.ends_one(era, answer == Answer::Lived, crowded);
        match answer {
            Answer::Lived => self.lived(now),
            Answer::Ended => self.ended(now),
            Answer::None => None,
        }
    }

    fn lived(&mut self, now: Duration) -> Option<Change> {
        self.window.count(Sum { lived: 1, ended: 0 }, now);
        let Phase::HalfOpen { lived, .. } = &mut self.phase else { return None };
        *lived = lived.saturating_add(1);
        if *lived < self.settings.one_in {
            return None;
        }
        // The same era: what is under way stays counted.
        self.phase = Phase::Closed;
        Some(Change::Closed)
    }

    fn ended(&mut self, now: Duration) -> Option<Change> {
        self.window.count(Sum { lived: 0, ended: 1 }, now);
        let sum = self.window.sum(now);
        let wait = match self.phase {
            Phase::Closed if self.is_much(sum) => self.settings.wait,
            Phase::HalfOpen { trip, .. } => trip.wait.saturating_mul(2).min(LONGEST).max(trip.wait),
            _ => return None,
        };
        let trip = Trip { sum, wait };
        self.begin(Phase::Open { until: now.saturating_add(wait), trip });
        Some(Change::Opened { ended: sum.ended, answered: sum.answered(), wait })
    }

    fn is_much(&self, sum: Sum) -> bool {
        sum.ended >= self.settings.ends && sum.ended.saturating_mul(self.settings.one_in) >= sum.answered()
    }

    /// Nothing is held back for this long.
    pub(super) fn lift(&mut self, length: Duration, now: Duration) {
        self.begin(Phase::Lifted { until: now.saturating_add(length) });
    }

    /// One session asks alone before the others.
    pub(super) fn arm(&mut self, now: Duration) {
        self.pass(now);
        if !matches!(self.phase, Phase::Open { .. }) {
            // As if it had opened for half the time: the next opening is for the time that was set.
            let trip = Trip { sum: Sum::default(), wait: self.settings.wait / 2 };
            self.begin(Phase::HalfOpen { lived: 0, trip });
        }
    }

    /// How many more may present now.
    pub(super) fn room(&self, now: Duration) -> u32 {
        let most = match self.phase {
            Phase::Open { .. } => 0,
            Phase::Lifted { .. } => u32::MAX,
            Phase::HalfOpen { lived, .. } => lived.saturating_add(1),
            Phase::Closed => {
                let sum = self.window.sum(now);
                // So many more open it, if all of them end.
                let opens = sum.lived / self.settings.one_in.saturating_sub(1).max(1);
                self.burst.max(opens).saturating_sub(sum.ended).max(1)
            }
        };
        most.saturating_sub(u32::try_from(self.under_way.len()).unwrap_or(u32::MAX))
    }

    /// Where it stands.
    pub(super) fn phase(&mut self, now: Duration) -> BreakerState {
        self.pass(now);
        match self.phase {
            Phase::Closed | Phase::Lifted { .. } => BreakerState::Closed,
            Phase::Open { until, .. } => BreakerState::Open { next: until.saturating_sub(now) },
            Phase::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    /// What the time alone changes.
    fn pass(&mut self, now: Duration) {
        self.under_way.retain(|_, since| now < since.saturating_add(LONGEST_UNDER_WAY));
        match self.phase {
            Phase::Open { until, trip } if now >= until => self.begin(Phase::HalfOpen { lived: 0, trip }),
            Phase::Lifted { until } if now >= until => self.begin(Phase::Closed),
            _ => {}
        }
    }

    fn begin(&mut self, phase: Phase) {
        self.phase = phase;
        self.era = self.era.wrapping_add(1);
        self.under_way.clear();
        self.burst = self.settings.ends;
        self.window.clear();
    }
}

impl Trip {
    const fn held(self, why: Why) -> Held {
        Held::new(why, self.sum.ended, self.sum.answered())
    }
}
