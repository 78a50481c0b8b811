use std::time::Duration;

use tokenflight_core::Now;

/// The pause between two looks: at first, and at last.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));

/// The pause after a look that could not read the store.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// When to look into the store again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looks {
    /// On the boot clock.
    pub(super) at: Duration,
    /// Looks since the failure.
    looks: u8,
    /// The refresh that was started last, in progress or not, is one.
    pub(super) last: bool,
}

impl Looks {
    /// A refresh has failed; it had read the store.
    pub(super) fn after_failure(now: Now) -> Self {
        Self { at: now.boot.saturating_add(PAUSE.0), looks: 0, last: false }
    }

    /// There was nothing new, or the store could not be read: then it is left alone for longer.
    pub(super) fn again(self, failed: bool, now: Now) -> Self {
        let looks = self.looks.saturating_add(1);
        let pause = PAUSE.0.saturating_mul(2_u32.saturating_pow(looks.into())).min(PAUSE.1);
        Self { at: now.boot.saturating_add(if failed { AFTER_FAILURE } else { pause }), looks, last: true }
    }
}
