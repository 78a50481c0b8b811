//! How long a timer may be set, and how to notice a suspend.

use std::time::Duration;

use tokenflight_core::Now;

/// The longest sleep ever: timers have limits, and clocks are moved.
const LONGEST: Duration = Duration::from_secs(3600);

/// The longest sleep while something is due within [`LONGEST`]: a suspend is noticed this soon.
const SLICE: Duration = Duration::from_secs(30);

/// Waking this much later than planned is a suspend, not a late timer.
const SUSPEND: Duration = Duration::from_secs(60);

/// The shortest sleep: a timer that is due already must not spin.
const SHORTEST: Duration = Duration::from_millis(1);

/// A part of a longer wait: from when, and how long it was meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    from: Duration,
    length: Duration,
}

impl Slice {
    /// A part of the wait for `next` on the boot clock, cut to what a timer can be trusted with.
    #[must_use]
    pub fn until(next: Duration, now: Now) -> Self {
        let ahead = next.saturating_sub(now.boot);
        let length = if ahead > LONGEST { LONGEST } else { ahead.min(SLICE) };
        Self { from: now.boot, length: length.max(SHORTEST) }
    }

    /// How long to sleep.
    #[must_use]
    pub const fn length(self) -> Duration {
        self.length
    }

    /// Whether the machine must have been suspended during this sleep.
    #[must_use]
    pub fn overslept(self, now: Now) -> bool {
        now.boot > self.end().saturating_add(SUSPEND)
    }

    /// When the sleep is over, on the boot clock.
    #[must_use]
    pub const fn end(self) -> Duration {
        self.from.saturating_add(self.length)
    }
}
