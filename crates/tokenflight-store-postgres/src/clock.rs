//! The clock by which the server's is judged.

use std::time::Duration;

/// Time since the machine started, as far as the system can say it.
#[cfg(target_os = "linux")]
pub(crate) fn boot() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let nanos = u32::try_from(now.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(now.tv_sec).unwrap_or_default(), nanos)
}

/// Time since the first look. It may rest while the machine sleeps; then the server's clock is not
/// trusted any more.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::disallowed_methods)] // A store has no session whose `Time` could be asked.
pub(crate) fn boot() -> Duration {
    use std::{sync::OnceLock, time::Instant};

    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed()
}
