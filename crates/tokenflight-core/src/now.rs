use std::time::Duration;

/// How far the two clocks may drift apart before the wall clock counts as moved by hand.
const WALL_STEP: Duration = Duration::from_secs(30);

/// Both clocks at one moment, as plain numbers.
///
/// * `boot` counts from an arbitrary fixed point, never goes back, and goes on while the machine is
///   suspended where the platform can tell (`CLOCK_BOOTTIME` on Linux).
/// * `wall` counts from the Unix epoch and may be moved at any time.
///
/// An expiry is judged by both: the wall clock catches a suspend that the other clock slept
/// through, the boot clock catches a wall clock that was moved.
///
/// ```
/// use std::time::Duration;
/// use tokenflight_core::Now;
///
/// let then = Now::new(Duration::from_secs(10), Duration::from_secs(1_000));
/// // Two hours of suspend that only the wall clock saw look like a step, so the boot clock decides.
/// let now = Now::new(Duration::from_secs(15), Duration::from_secs(8_205));
/// assert_eq!(now.since(then), Duration::from_secs(5));
/// // Within the tolerance the clock that says more decides.
/// let now = Now::new(Duration::from_secs(15), Duration::from_secs(1_020));
/// assert_eq!(now.since(then), Duration::from_secs(20));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Now {
    /// Time since an arbitrary fixed point on the suspend-aware monotonic clock.
    pub boot: Duration,
    /// Time since the Unix epoch on the wall clock.
    pub wall: Duration,
}

impl Now {
    /// A moment from both readings.
    #[must_use]
    pub const fn new(boot: Duration, wall: Duration) -> Self {
        Self { boot, wall }
    }

    /// The time that has passed since `earlier`, as both clocks of *this process* tell it.
    ///
    /// The larger of the two readings, unless they are more than 30 s apart: then the wall clock
    /// was moved and the boot clock alone is believed. Never negative, never panics.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let boot = self.boot.saturating_sub(earlier.boot);
        let wall = self.wall.saturating_sub(earlier.wall);
        // A wall clock behind `earlier` shows as zero here, which is a step once `boot` moved on.
        if wall.abs_diff(boot) > WALL_STEP { boot } else { boot.max(wall) }
    }

    /// Whether this much time has passed since `earlier`: [`since`](Self::since) by one comparison,
    /// as long as the end is far away.
    #[inline]
    #[must_use]
    pub fn reached(self, earlier: Self, span: Duration) -> bool {
        // The wall clock never adds more than its tolerance; a fraction of a second counts as one.
        let most = self.boot.as_secs().saturating_sub(earlier.boot.as_secs()).saturating_add(WALL_STEP.as_secs() + 1);
        most >= span.as_secs() && self.since(earlier) >= span
    }

    /// This moment, `earlier` before now on both clocks.
    #[must_use]
    pub fn back(self, earlier: Duration) -> Self {
        Self { boot: self.boot.saturating_sub(earlier), wall: self.wall.saturating_sub(earlier) }
    }
}
