//! The clock that the processes of one machine share.

use std::time::Duration;

use tokenflight_core::store::{ClockId, Facts};

/// What a storage says of its clock.
///
/// Linux: the boot clock, which cannot be set, under the name of this boot. Elsewhere the wall
/// clock, which is not trusted.
pub(crate) fn clock() -> Facts {
    match boot_clock() {
        Some((id, now)) => Facts::at(id, now, true),
        None => Facts::at(ClockId::new(0), wall_clock(), false),
    }
}

#[cfg(target_os = "linux")]
fn boot_clock() -> Option<(ClockId, Duration)> {
    use std::sync::OnceLock;

    use rustix::time::{ClockId as Clock, clock_gettime};

    static BOOT: OnceLock<Option<(ClockId, i128)>> = OnceLock::new();
    let (id, ahead) = (*BOOT.get_or_init(|| {
        let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let id = u128::from_str_radix(&id.trim().replace('-', ""), 16).ok()?;
        let offsets = std::fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default();
        Some((ClockId::new(id), boot_offset(&offsets)))
    }))?;
    let now = clock_gettime(Clock::Boottime);
    let now = i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec) - ahead;
    Some((id, Duration::from_nanos(u64::try_from(now).ok()?)))
}

#[cfg(not(target_os = "linux"))]
fn boot_clock() -> Option<(ClockId, Duration)> {
    None
}

/// By how many nanoseconds the boot clock of this time namespace is ahead of the machine's
/// (time_namespaces(7)).
#[cfg(target_os = "linux")]
fn boot_offset(offsets: &str) -> i128 {
    let line = offsets.lines().find_map(|line| line.trim().strip_prefix("boottime"));
    let mut numbers = line.into_iter().flat_map(str::split_whitespace).map(|number| number.parse::<i128>().ok());
    let (seconds, nanos) = (numbers.next().flatten(), numbers.next().flatten());
    seconds.unwrap_or_default() * 1_000_000_000 + nanos.unwrap_or_default()
}

/// Time since the Unix epoch.
#[allow(clippy::disallowed_methods)] // A store has no session whose `Time` could be asked.
pub(crate) fn wall_clock() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_the_machine_is_read_within_a_time_namespace() {
        assert_eq!(
            boot_offset("monotonic           0         0\nboottime       86400         5\n"),
            86_400_000_000_005
        );
        assert_eq!(boot_offset("boottime  -1 0"), -1_000_000_000);
        assert_eq!(boot_offset(""), 0);
    }

    #[test]
    fn the_clock_goes_on_under_one_name() {
        let (one, two) = (clock(), clock());
        let now = tokenflight_core::Now::new(Duration::ZERO, Duration::ZERO);
        let (one, two) = (one.now(now).unwrap(), two.now(now).unwrap());
        assert_eq!(one.clock, two.clock);
        assert!(one.at <= two.at && one.at > Duration::ZERO);
    }
}
