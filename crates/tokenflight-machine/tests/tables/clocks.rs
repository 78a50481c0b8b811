//! Expiry, by two clocks that may both be strange.

use std::time::Duration;

use tokenflight_core::{Now, grant::Reason};
use tokenflight_machine::{Decision, Landing, Login, Machine, Nap, Obtained, Policy};

use crate::support::{
    HOUR, WALL, YEAR, at, just_use, logged_in, machine, moment, obtained, secs, started, store, uses,
};

/// Both clocks so many seconds on, the wall clock moved by so much more.
fn moved(seconds: u64, wall: i64) -> Now {
    let now = at(seconds);
    let wall = i64::try_from(now.wall.as_secs()).expect("a sane clock") + wall;
    Now::new(now.boot, secs(u64::try_from(wall).expect("a time after 1970")))
}

const A_YEAR: i64 = 365 * 24 * 3600;

///
#[test]
fn a_token_is_expired_when_either_clock_says_so() {
    let machine = logged_in(Policy::default(), Some(HOUR));
    // Seconds on the boot clock, seconds the wall clock is off, usable.
    let rows = [
        (3599, 0, true),
        (3600, 0, false),
        (3590, 9, true),
        // The wall clock is a little ahead: a suspend too short for a step, or drift.
        (3590, 10, false),
        (3590, 30, false),
        // It is a little behind: the boot clock decides.
        (3599, -30, true),
        (3600, -30, false),
    ];
    for (seconds, off, usable) in rows {
        assert_eq!(machine.has_usable(moved(seconds, off)), usable, "after {seconds} s, wall clock off by {off} s");
    }
}

/// R-302, C-45
#[test]
fn a_wall_clock_moved_by_hand_is_not_believed() {
    for step in [31, 3600, A_YEAR, -31, -3600, -A_YEAR] {
        let machine = logged_in(Policy::default(), Some(HOUR));
        assert!(machine.has_usable(moved(10, step)), "no token dies of a step of {step} s");
        assert!(machine.has_usable(moved(3599, step)));
        assert!(!machine.has_usable(moved(3600, step)), "no token is eternal after a step of {step} s");
    }
}

/// C-45: a driver that lives through a step of the wall clock renews as often as one that does not.
#[test]
fn a_step_of_the_wall_clock_causes_no_storm() {
    for step in [0, A_YEAR, -A_YEAR, 3600, -3600] {
        let mut machine = logged_in(Policy::default(), Some(HOUR));
        let mut renewals = 0;
        for second in 1..(10 * 3600) {
            // The clock is set in the middle of the third hour and stays so.
            let now = moved(second, if second < 9000 { 0 } else { step });
            if let Some(plan) = machine.tick(now).start {
                renewals += 1;
                machine.land(&plan, &obtained(&plan, Some(HOUR)), now, u64::MAX / 2);
            }
            assert!(uses(&machine.usable(now)), "a driver at work never leaves anybody without a token");
        }
        // Each lives for 77 % of an hour, less what the first had lost.
        assert!((12..=14).contains(&renewals), "{renewals} renewals with a step of {step} s");
    }
}

///
#[test]
fn a_lifetime_counts_from_before_the_request_was_sent() {
    let mut machine = logged_in(Policy::default(), Some(HOUR));
    let plan = started(machine.force(at(100)));
    // Sent at 110, answered at 150.
    let sent = Obtained::new(plan.epoch, plan.generation.next(), at(110), Some(secs(300)));
    machine.land(&plan, &Landing::Obtained(sent), at(150), 0);
    assert!(machine.has_usable(at(409)));
    assert!(!machine.has_usable(at(410)));
}

///
#[test]
fn skew_is_taken_off_the_lifetime() {
    let mut policy = Policy::default();
    policy.skew = secs(60);
    let machine = logged_in(policy, Some(HOUR));
    assert!(machine.has_usable(at(3539)));
    assert!(!machine.has_usable(at(3540)));
}

///
#[test]
fn a_token_of_unknown_lifetime_is_used_until_it_is_refused_and_never_renewed_by_itself() {
    let mut machine = logged_in(Policy::default(), None);
    for now in [at(1), at(100_000), moment(50 * YEAR)] {
        assert!(just_use(&machine.usable(now)));
        let tick = machine.tick(now);
        assert_eq!((tick.start, tick.next), (None, None));
    }
    let refused = crate::support::refusal(&machine);
    assert_eq!(started(machine.refused(refused, at(100_000))).reason, Reason::Rejected);
}

///
#[test]
fn a_configured_lifetime_stands_in_for_a_missing_one_only() {
    let mut policy = Policy::default();
    policy.default_lifetime = Some(secs(900));
    let missing = logged_in(policy.clone(), None);
    assert!(missing.has_usable(at(899)) && !missing.has_usable(at(900)));
    let given = logged_in(policy, Some(HOUR));
    assert!(given.has_usable(at(3599)));
}

///
#[test]
fn a_lifetime_of_zero_costs_one_refresh_a_second_for_those_who_ask_and_none_for_the_driver() {
    let mut machine = logged_in(Policy::default(), Some(Duration::ZERO));
    let mut flights = 0;
    // Two callers a second for a minute.
    for half in 0..120_u64 {
        let now = moment(Duration::from_millis(500 * half));
        assert_eq!(machine.tick(now).start, None, "nobody needs it");
        if let Decision::Start(plan) = machine.usable(now) {
            flights += 1;
            machine.land(&plan, &obtained(&plan, Some(Duration::ZERO)), now, 0);
        }
    }
    assert_eq!(flights, 60);
}

///
#[test]
fn a_lifetime_is_cut_to_ten_years() {
    for lifetime in [10 * YEAR, 1000 * YEAR, Duration::MAX] {
        let machine = logged_in(Policy::default(), Some(lifetime));
        assert!(machine.has_usable(moment(10 * YEAR - secs(1))));
        assert!(!machine.has_usable(moment(10 * YEAR)), "{lifetime:?}");
    }
}

///
#[test]
fn nobody_sleeps_longer_than_an_hour_nor_longer_than_half_a_minute_towards_a_near_deadline() {
    let rows = [
        (Duration::ZERO, Duration::from_millis(1)),
        (Duration::from_nanos(1), Duration::from_millis(1)),
        (Duration::from_millis(20), Duration::from_millis(20)),
        (secs(30), secs(30)),
        (secs(31), secs(30)),
        (HOUR, secs(30)),
        (HOUR + secs(1), HOUR),
        (10 * YEAR, HOUR),
        (Duration::MAX, HOUR),
    ];
    for now in [at(0), at(1_000_000)] {
        for (ahead, length) in rows {
            let nap = Nap::until(now.boot.saturating_add(ahead), now);
            assert_eq!(nap.length(), length, "{ahead:?}");
            assert_eq!(nap.end(), now.boot + length);
        }
        // What is past is due now.
        assert_eq!(Nap::until(Duration::ZERO, now).length(), Duration::from_millis(1));
    }
}

///
#[test]
fn waking_more_than_a_minute_late_is_a_suspend() {
    let nap = Nap::until(secs(1000), at(100));
    assert_eq!(nap.end(), secs(130));
    for (second, overslept) in [(100, false), (130, false), (190, false), (191, true), (100_000, true)] {
        assert_eq!(nap.overslept(at(second)), overslept, "woken at {second}");
    }
}

///
#[test]
fn after_a_suspend_sessions_renew_within_five_seconds_and_not_all_at_once() {
    let woken = at(100_000);
    let mut starts = [0_u32; 6];
    for session in 0..600_u64 {
        let mut machine = logged_in(Policy::default(), Some(HOUR));
        machine.resume(woken, session * (u64::MAX / 600));
        let tick = machine.tick(woken);
        let next = tick.next.unwrap_or(woken.boot);
        let start = tick.start.or_else(|| machine.tick(moment(next)).start);
        assert_eq!(start.map(|plan| plan.reason), Some(Reason::Due));
        starts[usize::try_from((next - woken.boot).as_secs()).expect("soon")] += 1;
    }
    assert!(starts[..5].iter().all(|count| (100..=140).contains(count)), "{starts:?}");
    assert_eq!(starts[5], 0, "{starts:?}");
}

///
#[test]
fn whoever_needs_a_token_after_a_suspend_does_not_wait_for_the_spreading() {
    let mut machine = logged_in(Policy::default(), Some(HOUR));
    machine.resume(at(100_000), u64::MAX);
    assert_eq!(started(machine.usable(at(100_000))).reason, Reason::Due);
}

/// Whatever the lifetime, time passes without a loop: the number of renewals of a driver over a day.
#[test]
fn no_lifetime_makes_a_driver_renew_without_end() {
    // Lifetime, and how often at most it may be renewed in an hour.
    let rows = [
        (Some(Duration::ZERO), 0),
        (Some(Duration::from_millis(1)), 3600),
        (Some(secs(1)), 3600),
        (Some(secs(10)), 520),
        (Some(secs(29)), 180),
        (Some(secs(30)), 175),
        (Some(secs(120)), 45),
        (Some(HOUR), 2),
        (Some(10 * YEAR), 0),
        (None, 0),
    ];
    for (lifetime, most) in rows {
        let mut machine = logged_in(Policy::default(), lifetime);
        let (renewals, looks) = drive(&mut machine, lifetime, HOUR);
        assert!(renewals <= most, "{lifetime:?}: {renewals} renewals");
        assert!(looks <= 3 * most + 2, "{lifetime:?}: the driver woke {looks} times");
    }
}

/// A driver alone for so long: how often it renewed, and how often it looked.
fn drive(machine: &mut Machine, lifetime: Option<Duration>, span: Duration) -> (u32, u32) {
    let (mut now, mut renewals, mut looks) = (at(0), 0, 0);
    while now.boot < span {
        looks += 1;
        let tick = machine.tick(now);
        if let Some(plan) = tick.start {
            renewals += 1;
            machine.land(&plan, &obtained(&plan, lifetime), now, 0);
            continue;
        }
        let Some(next) = tick.next else { break };
        assert!(next > now.boot, "a driver that spins");
        now = moment(next);
    }
    (renewals, looks)
}

/// A machine that is told a time before its token's is not confused.
#[test]
fn a_clock_that_goes_back_makes_nothing_worse_than_a_longer_wait() {
    let mut machine = machine(Policy::default());
    machine.login(Login::new(Some(HOUR)), at(5000), 0);
    store(&mut machine);
    let earlier = Now::new(Duration::ZERO, WALL);
    assert!(just_use(&machine.usable(earlier)));
    assert_eq!(machine.tick(earlier).start, None);
    assert!(machine.has_usable(at(8599)) && !machine.has_usable(at(8600)));
}
