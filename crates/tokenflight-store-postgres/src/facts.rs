//! What the server says of itself: its clock, and its line of history.

use std::time::Duration;

use tokenflight_core::store::{ClockId, Facts, Incarnation};

/// What stands in the first row of every load:
/// `system identifier/timeline/table/microseconds/recovery`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) incarnation: Incarnation,
    /// By its own clock, since the Unix epoch.
    pub(crate) now: Duration,
    /// It is a standby.
    pub(crate) recovers: bool,
}

impl Said {
    pub(crate) fn read(text: &str) -> Option<Self> {
        let [system, timeline, table, micros, recovers] = text.split('/').collect::<Vec<_>>()[..] else { return None };
        // A standby says no timeline: it is that of its primary.
        let timeline = if timeline.is_empty() { 0 } else { u32::from_str_radix(timeline, 16).ok()? };
        let (system, table) = (system.parse::<u64>().ok()?, table.parse::<u32>().ok()?);
        Some(Self {
            incarnation: incarnation(system, timeline, table),
            now: Duration::from_micros(micros.parse().ok()?),
            recovers: recovers == "t",
        })
    }
}

/// Another cluster, another timeline (a promotion, a restore of a base backup) or another table (a
/// restore of a dump) is another line of history.
fn incarnation(system: u64, timeline: u32, table: u32) -> Incarnation {
    Incarnation::new(u128::from(system) << 64 | u128::from(timeline) << 32 | u128::from(table))
}

/// The same in the form in which the server compares it: `system identifier/timeline/table`.
pub(crate) fn write(incarnation: Option<Incarnation>) -> String {
    let number = incarnation.map_or(0, Incarnation::get);
    let (system, timeline, table) = (number >> 64, number >> 32 & 0xFFFF_FFFF, number & 0xFFFF_FFFF);
    format!("{system}/{timeline:08X}/{table}")
}

/// Whether the server's clock keeps pace with the boot clock of this machine.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// The clock, and by how much it was ahead of the boot clock: at least and at most, in
    /// microseconds. Between the two lies what a question and its answer took.
    base: Option<(ClockId, (i128, i128))>,
    lost: bool,
}

/// A clock that has drifted by more is not trusted.
const DRIFT: i128 = 5_000_000;

impl Pace {
    /// What the server said to a question that was sent and answered at these times of the boot
    /// clock, as facts.
    pub(crate) fn facts(&mut self, said: &Said, sent: Duration, answered: Duration) -> Facts {
        // Another server after a failover has another clock.
        let clock = ClockId::new(said.incarnation.get());
        let trusted = self.keeps(clock, said.now, sent, answered);
        let mut facts = Facts::at(clock, said.now, trusted);
        facts.incarnation = Some(said.incarnation);
        facts
    }

    /// Once lost, trust does not come back: claims that were timed by a clock that had jumped may
    /// be judged by it when it has jumped back.
    fn keeps(&mut self, clock: ClockId, now: Duration, sent: Duration, answered: Duration) -> bool {
        let micros = |time: Duration| i128::try_from(time.as_micros()).unwrap_or(i128::MAX);
        let (least, most) = (micros(now) - micros(answered), micros(now) - micros(sent));
        match &mut self.base {
            Some((known, base)) if *known == clock => {
                if least > base.1 + DRIFT || most + DRIFT < base.0 {
                    self.lost = true;
                }
                let narrower = (base.0.max(least), base.1.min(most));
                if narrower.0 <= narrower.1 {
                    *base = narrower;
                }
            }
            base => {
                *base = Some((clock, (least, most)));
                self.lost = false;
            }
        }
        !self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const ONE: ClockId = ClockId::new(1);

    #[test]
    fn what_the_server_says_is_read_and_written_the_same() {
        let said = Said::read("7421/0000000B/16385/1790000000000001/f").unwrap();
        assert_eq!(said.now, Duration::from_micros(1_790_000_000_000_001));
        assert!(!said.recovers);
        assert_eq!(write(Some(said.incarnation)), "7421/0000000B/16385");
        assert!(Said::read("7421//16385/1/t").unwrap().recovers);
        for broken in ["", "1/2/3/4", "1/2/3/4/f/5", "x/00000001/1/1/f", "1/00000001/1/-1/f"] {
            assert_eq!(Said::read(broken), None, "{broken}");
        }
    }

    #[test]
    fn promotion_restore_and_another_cluster_are_other_incarnations() {
        let all = ["1/00000001/1", "1/00000002/1", "1/00000001/2", "2/00000001/1"];
        let all: std::collections::HashSet<_> =
            all.iter().map(|text| Said::read(&format!("{text}/1/f")).unwrap().incarnation).collect();
        assert_eq!(all.len(), 4);
    }

    #[test]
    fn a_clock_that_keeps_pace_is_trusted() {
        let mut pace = Pace::default();
        for second in 0..10_000 {
            let wobble = Duration::from_millis(second % 7 * 700);
            assert!(pace.keeps(ONE, s(1_000_000 + second) + wobble, s(second), s(second)));
        }
    }

    #[test]
    fn a_clock_that_jumps_is_not_trusted_again_not_even_when_it_is_back() {
        for jump in [-6, 6] {
            let mut pace = Pace::default();
            assert!(pace.keeps(ONE, s(1000), s(0), s(0)));
            assert!(!pace.keeps(ONE, s(1001).checked_add_signed(jump), s(1), s(1)));
            assert!(!pace.keeps(ONE, s(1002), s(2), s(2)));
        }
    }

    #[test]
    fn an_answer_that_took_long_proves_no_drift_and_hides_none_from_then_on() {
        let mut pace = Pace::default();
        assert!(pace.keeps(ONE, s(1000), s(0), s(60)));
        assert!(pace.keeps(ONE, s(1061), s(61), s(61)));
        assert!(!pace.keeps(ONE, s(1071), s(62), s(62)));
    }

    #[test]
    fn another_server_has_another_clock() {
        let mut pace = Pace::default();
        pace.keeps(ONE, s(1000), s(0), s(0));
        pace.keeps(ONE, s(2000), s(1), s(1));
        assert!(pace.keeps(ClockId::new(2), s(5000), s(2), s(2)));
    }

    trait Signed {
        fn checked_add_signed(self, seconds: i64) -> Self;
    }

    impl Signed for Duration {
        fn checked_add_signed(self, seconds: i64) -> Self {
            Self::from_secs(self.as_secs().checked_add_signed(seconds).unwrap())
        }
    }
}
