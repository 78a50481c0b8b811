//! Many sessions at once.

use std::collections::BTreeMap;

use crate::tables::*;

const SESSIONS: u64 = 10_000;

/// Even enough for a test, and the same each time.
fn random(session: u64) -> u64 {
    let mut bits = session.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits ^= bits >> 30;
    bits = bits.wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[test]
fn ten_thousand_sessions_of_one_second_renew_spread_over_nine_minutes() {
    let mut bins: BTreeMap<u64, u32> = BTreeMap::new();
    for session in 0..SESSIONS {
        let now = moment(Duration::from_micros(100 * session));
        let mut machine = machine(Policy::default());
        machine.login(Some(1), Times::new(now, Some(HOUR)), tokens(now.wall, Some(HOUR)), now, random(session));
        store(&mut machine, now);
        let due = machine.tick(now).next.expect("a renewal time");
        assert!(machine.tick(moment(due)).refresh.is_some());
        *bins.entry(due.as_secs() / 10).or_default() += 1;
    }
    let peak = bins.values().max().copied().unwrap_or_default();
    assert!(peak <= 250, "peak {peak} in 10 s");
    assert!((54..=56).contains(&bins.len()), "{} bins", bins.len());
}

/// A server that fails all of them at once is not asked again by all of them at once.
#[test]
fn ten_thousand_failures_of_one_second_come_back_spread() {
    let mut bins = [0_u32; 32];
    for number in 0..SESSIONS {
        let mut machine = session();
        let mut now = at(3600);
        // The fifth failure in a row: up to sixteen seconds.
        for failure in 0..5 {
            let plan = started(machine.usable(None, now));
            machine.finish(&plan, failed(FailureClass::NotSent), now, random(number * 5 + failure));
            if failure < 4 {
                now = moment(now.boot + secs(300));
            }
        }
        let next = machine.tick(now).next.expect("another attempt");
        bins[usize::try_from((next - now.boot).as_secs()).expect("soon")] += 1;
    }
    assert!(bins[..16].iter().all(|bin| (500..750).contains(bin)), "{bins:?}");
    assert!(bins[16..].iter().all(|bin| *bin == 0), "{bins:?}");
}
