//! Both clocks, for every adapter. Never panics: a clock before its own beginning reads as zero.

use std::time::{Duration, SystemTime};

use tokenflight_core::Now;

/// Both clocks, now.
pub(super) fn clocks() -> Now {
    Now::new(boot(), wall())
}

// The one door to the wall clock.
#[allow(clippy::disallowed_methods)]
fn wall() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

// `Instant` stands still in suspend on Linux; `CLOCK_BOOTTIME` does not.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn boot() -> Duration {
    use rustix::time::{ClockId, clock_gettime};

    let time = clock_gettime(ClockId::Boottime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn boot() -> Duration {
    anchor::since_first_read()
}

/// Platforms without a suspend-aware clock. Compiled for the tests too, so it cannot rot unseen.
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
mod anchor {
    use std::{
        sync::OnceLock,
        time::{Duration, Instant},
    };

    /// Monotonic time since this was first called in the process.
    ///
    /// All adapters share the anchor, so that their readings can be compared with each other.
    // The one door to the monotonic clock.
    #[allow(clippy::disallowed_methods)]
    pub(super) fn since_first_read() -> Duration {
        static ANCHOR: OnceLock<Instant> = OnceLock::new();

        let anchor = *ANCHOR.get_or_init(Instant::now);
        Instant::now().saturating_duration_since(anchor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_never_goes_back() {
        let mut last = clocks().boot;
        for _ in 0..1_000 {
            let now = clocks().boot;
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn wall_counts_from_the_unix_epoch() {
        // 2020 to 2200: nothing else is a Unix time in seconds.
        assert!((1_577_836_800..7_258_118_400).contains(&clocks().wall.as_secs()));
    }

    #[test]
    fn the_portable_clock_starts_near_zero_and_never_goes_back() {
        let first = anchor::since_first_read();
        assert!(first < Duration::from_secs(3_600));
        assert!(anchor::since_first_read() >= first);
    }
}
