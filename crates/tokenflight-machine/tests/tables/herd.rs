//! Many sessions at once.

use std::collections::BTreeMap;

use tokenflight_core::FailureClass;
use tokenflight_machine::{Login, Policy};

use crate::support::{HOUR, at, failed, logged_in, machine, moment, secs, started, store};

const SESSIONS: u64 = 10_000;

/// Even enough for a test, and the same each time.
fn random(session: u64) -> u64 {
    let mut bits = session.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits ^= bits >> 30;
    bits = bits.wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

///
#[test]
fn ten_thousand_sessions_of_one_second_renew_spread_over_nine_minutes() {
    let mut bins: BTreeMap<u64, u32> = BTreeMap::new();
    for session in 0..SESSIONS {
        let now = moment(std::time::Duration::from_micros(100 * session));
        let mut machine = machine(Policy::default());
        machine.login(Login::new(Some(HOUR)), now, random(session));
        store(&mut machine);
        let due = machine.tick(now).next.expect("a renewal time");
        assert!(machine.tick(moment(due)).start.is_some());
        *bins.entry(due.as_secs() / 10).or_default() += 1;
    }
    let peak = bins.values().max().copied().unwrap_or_default();
    println!("{SESSIONS} sessions, {} bins of 10 s, peak {} a second", bins.len(), f64::from(peak) / 10.0);
    assert!(peak <= 250, "peak {peak} in 10 s");
    assert!((54..=56).contains(&bins.len()), "{} bins", bins.len());
}

/// a server that fails all of them at once is not asked again by all of them at once.
#[test]
fn ten_thousand_failures_of_one_second_come_back_spread() {
    let mut bins = [0_u32; 32];
    for session in 0..SESSIONS {
        let mut machine = logged_in(Policy::default(), Some(HOUR));
        let mut now = at(3600);
        // The fifth failure in a row: up to sixteen seconds.
        for failure in 0..5 {
            let plan = started(machine.usable(now));
            machine.land(&plan, &failed(FailureClass::NotSent), now, random(session * 5 + failure));
            if failure < 4 {
                now = moment(now.boot + secs(300));
            }
        }
        let next = machine.tick(now).next.unwrap_or(now.boot);
        bins[usize::try_from((next - now.boot).as_secs()).expect("soon")] += 1;
    }
    assert!(bins[..16].iter().all(|bin| (500..750).contains(bin)), "{bins:?}");
    assert!(bins[16..].iter().all(|bin| *bin == 0), "{bins:?}");
}
