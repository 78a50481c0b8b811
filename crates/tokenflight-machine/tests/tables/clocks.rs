//! Expiry, by two clocks that may both be strange.

use tokenflight_machine::{Slice, Start};

use crate::tables::*;

/// Both clocks so many seconds on, the wall clock moved by so much more.
fn moved(seconds: u64, wall: i64) -> Now {
    let now = at(seconds);
    let wall = i64::try_from(now.wall.as_secs()).expect("a sane clock") + wall;
    Now::new(now.boot, secs(u64::try_from(wall).expect("a time after 1970")))
}

const A_YEAR: i64 = 365 * 24 * 3600;

#[test]
fn a_token_is_expired_when_either_clock_says_so() {
    let machine = session();
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
        assert_eq!(machine.has_usable(None, moved(seconds, off)), usable, "after {seconds} s, off by {off} s");
    }
}

#[test]
fn a_wall_clock_moved_by_hand_is_not_believed() {
    for step in [31, 3600, A_YEAR, -31, -3600, -A_YEAR] {
        let machine = session();
        assert!(machine.has_usable(None, moved(10, step)), "no token dies of a step of {step} s");
        assert!(machine.has_usable(None, moved(3599, step)));
        assert!(!machine.has_usable(None, moved(3600, step)), "no token is eternal after a step of {step} s");
    }
}

/// A driver that lives through a step of the wall clock renews as often as one that does not.
#[test]
fn a_step_of_the_wall_clock_causes_no_storm() {
    for step in [0, A_YEAR, -A_YEAR, 3600, -3600] {
        let mut machine = session();
        let mut renewals = 0;
        for second in 1..(10 * 3600) {
            // The clock is set in the middle of the third hour and stays so.
            let now = moved(second, if second < 9000 { 0 } else { step });
            if let Some(plan) = machine.tick(now).refresh {
                renewals += 1;
                machine.finish(&plan, obtained(&plan, Some(HOUR)), now, u64::MAX / 2);
            }
            machine.note_use();
            assert!(uses(&machine.usable(None, now)), "a driver at work never leaves a caller without a token");
        }
        // Each lives for 77 % of an hour, less what the first had lost.
        assert!((12..=14).contains(&renewals), "{renewals} renewals with a step of {step} s");
    }
}

#[test]
fn a_lifetime_counts_from_before_the_request_was_sent() {
    let mut machine = session();
    let plan = started(machine.force(at(100)));
    // Sent at 110, answered at 150.
    let outcome = match obtained(&plan, None) {
        Outcome::Obtained { saved, .. } => answered(&plan, Times::new(at(110), Some(secs(300))), saved),
        other => other,
    };
    machine.finish(&plan, outcome, at(150), 0);
    assert!(machine.has_usable(None, at(409)));
    assert!(!machine.has_usable(None, at(410)));
}

#[test]
fn skew_is_taken_off_the_lifetime() {
    let machine = logged_in(policy(|policy| policy.skew = secs(60)), Some(HOUR));
    assert!(machine.has_usable(None, at(3539)));
    assert!(!machine.has_usable(None, at(3540)));
}

#[test]
fn a_token_of_unknown_lifetime_is_used_until_it_is_refused_and_never_renewed_by_itself() {
    let mut machine = logged_in(Policy::default(), None);
    for now in [at(1), at(100_000), moment(50 * YEAR)] {
        assert!(just_use(&machine.usable(None, now)) && just_use(&machine.lasting(HOUR, None, now)));
        let tick = machine.tick(now);
        assert!(tick.refresh.is_none() && tick.next.is_none(), "{tick:?}");
        assert!(!machine.was_spent(now));
    }
    assert_eq!(started(machine.refused(refusal(&machine), at(100_000))).reason, Reason::Rejected);
}

#[test]
fn a_configured_lifetime_stands_in_for_a_missing_one_only() {
    let policy = policy(|policy| policy.default_lifetime = Some(secs(900)));
    let missing = logged_in(policy.clone(), None);
    assert!(missing.has_usable(None, at(899)) && !missing.has_usable(None, at(900)));
    let given = logged_in(policy, Some(HOUR));
    assert!(given.has_usable(None, at(3599)));
}

/// Neither the configured lifetime nor the server's wish begins anew with the boot.
#[test]
fn what_counts_from_the_receipt_of_a_token_that_is_older_than_the_boot_has_begun_before_it() {
    let mut machine = machine(policy(|policy| policy.default_lifetime = Some(secs(900))));
    let times = Times::received(at(10), secs(100), None);
    machine.login(Some(1), times, tokens(at(10).wall, None), at(10), 0);
    assert!(machine.has_usable(None, at(809)) && !machine.has_usable(None, at(810)));
    let received = |booted| Times::received(at(booted), secs(100), Some(HOUR)).refresh_in(Some(secs(600)));
    assert_eq!((received(10).anchor, received(10).refresh_in), (at(10), Some(secs(500))));
    assert_eq!((received(100).anchor, received(100).refresh_in), (at(0), Some(secs(600))));
}

#[test]
fn a_lifetime_of_zero_costs_one_refresh_a_second_for_those_who_ask_and_none_for_the_driver() {
    let mut machine = logged_in(Policy::default(), Some(Duration::ZERO));
    assert!(!machine.was_spent(at(10)), "it is good for those who waited for it");
    let mut refreshes = 0;
    // Two callers a second for a minute.
    for half in 0..120_u64 {
        let now = moment(millis(500 * half));
        assert!(machine.tick(now).refresh.is_none(), "no caller needs it");
        if let Decision::Start(Start::Refresh(plan)) = machine.usable(None, now) {
            refreshes += 1;
            machine.finish(&plan, obtained(&plan, Some(Duration::ZERO)), now, 0);
        }
    }
    assert_eq!(refreshes, 60);
}

#[test]
fn a_lifetime_is_cut_to_ten_years() {
    for lifetime in [10 * YEAR, 1000 * YEAR, Duration::MAX] {
        let machine = logged_in(Policy::default(), Some(lifetime));
        assert!(machine.has_usable(None, moment(10 * YEAR - secs(1))));
        assert!(!machine.has_usable(None, moment(10 * YEAR)), "{lifetime:?}");
    }
}

#[test]
fn whether_a_token_had_run_out_by_a_moment_is_known_afterwards() {
    let machine = logged_in(Policy::default(), Some(secs(10)));
    assert!(!machine.was_spent(at(9)) && machine.was_spent(at(10)));
    assert!(!crate::support::machine(Policy::default()).was_spent(at(10)), "there is none");
}

#[test]
fn no_timer_is_longer_than_an_hour_nor_longer_than_half_a_minute_towards_a_near_deadline() {
    let rows = [
        (Duration::ZERO, millis(1)),
        (Duration::from_nanos(1), millis(1)),
        (millis(20), millis(20)),
        (secs(30), secs(30)),
        (secs(31), secs(30)),
        (HOUR, secs(30)),
        (HOUR + secs(1), HOUR),
        (10 * YEAR, HOUR),
        (Duration::MAX, HOUR),
    ];
    for now in [at(0), at(1_000_000)] {
        for (ahead, length) in rows {
            let slice = Slice::until(now.boot.saturating_add(ahead), now);
            assert_eq!(slice.length(), length, "{ahead:?}");
            assert_eq!(slice.end(), now.boot + length);
        }
        // What is past is due now.
        assert_eq!(Slice::until(Duration::ZERO, now).length(), millis(1));
    }
}

#[test]
fn waking_more_than_a_minute_late_is_a_suspend() {
    let slice = Slice::until(secs(1000), at(100));
    assert_eq!(slice.end(), secs(130));
    for (second, overslept) in [(100, false), (130, false), (190, false), (191, true), (100_000, true)] {
        assert_eq!(slice.overslept(at(second)), overslept, "woken at {second}");
    }
}

/// Whatever the lifetime, time passes without a loop: the number of a driver's renewals in an hour.
#[test]
fn no_lifetime_makes_a_driver_renew_without_end() {
    // Lifetime, and how often at most it may be renewed.
    let rows = [
        (Some(Duration::ZERO), 0),
        (Some(secs(1)), 5200),
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

/// A driver alone for so long, of a session in use: how often it renewed, and how often it looked.
fn drive(machine: &mut Session, lifetime: Option<Duration>, span: Duration) -> (u32, u32) {
    let (mut now, mut renewals, mut looks) = (at(0), 0, 0);
    while now.boot < span {
        looks += 1;
        machine.note_use();
        let tick = machine.tick(now);
        if let Some(plan) = tick.refresh {
            renewals += 1;
            machine.finish(&plan, obtained(&plan, lifetime), now, 0);
            continue;
        }
        let Some(next) = tick.next else { break };
        assert!(next > now.boot, "a driver that spins");
        now = moment(next);
    }
    (renewals, looks)
}

#[test]
fn the_least_time_between_two_requests_is_a_second_or_a_quarter_of_the_lifetime() {
    let rests = [
        (HOUR, secs(1)),
        (secs(4), secs(1)),
        (secs(2), millis(500)),
        (secs(1), millis(250)),
        (Duration::from_nanos(3), secs(1)),
    ];
    for (lifetime, rest) in rests {
        for outcome in [obtained, obtained_unsaved] {
            let mut machine = session();
            let plan = started(machine.force(at(100)));
            machine.finish(&plan, outcome(&plan, Some(lifetime)), at(100), 0);
            if machine.has_unsaved() {
                store(&mut machine, at(100));
            }
            let Decision::Wait { until } = machine.force(at(100)) else { panic!("it was forced just now") };
            assert_eq!(until, secs(100) + rest, "{lifetime:?}");
            assert!(machine.tick(moment(until - Duration::from_nanos(1))).refresh.is_none());
            started(machine.force(moment(until)));
        }
    }
}

/// A machine that is told a time before its token's is not confused.
#[test]
fn a_clock_that_goes_back_makes_nothing_worse_than_a_longer_wait() {
    let mut machine = machine(Policy::default());
    login(&mut machine, Some(HOUR), at(5000));
    store(&mut machine, at(5000));
    let earlier = Now::new(Duration::ZERO, WALL);
    assert!(just_use(&machine.usable(None, earlier)));
    assert!(machine.tick(earlier).refresh.is_none());
    assert!(machine.has_usable(None, at(8599)) && !machine.has_usable(None, at(8600)));
}
