//! When a token is renewed before a caller needs it.

use crate::tables::*;

/// A session with a token of this lifetime and this wish of the server, drawn with these bits.
fn drawn(policy: Policy, times: Times, random: u64) -> Session {
    let mut machine = machine(policy);
    let now = times.anchor;
    machine.login(Some(1), times, tokens(now.wall, times.lifetime), now, random);
    store(&mut machine, now);
    machine
}

/// When renewal of it is due.
fn due(policy: Policy, times: Times, random: u64) -> Duration {
    drawn(policy, times, random).tick(times.anchor).next.expect("a renewal time")
}

#[test]
fn renewal_is_due_at_a_share_of_the_lifetime_and_not_too_near_its_end() {
    // Lifetime, the earliest draw, the latest draw, in milliseconds.
    let rows = [
        // Shorter than any lead: a share all the same, never a loop.
        (secs(1), 700, 750),
        (secs(20), 14_000, 15_000),
        (secs(40), 28_000, 30_000),
        (secs(60), 42_000, 45_000),
        // From two minutes on the lead is thirty seconds.
        (secs(120), 84_000, 90_000),
        (secs(150), 105_000, 120_000),
        (secs(300), 210_000, 255_000),
        (HOUR, 2_520_000, 3_060_000),
        (24 * HOUR, 60_480_000, 73_440_000),
    ];
    for (lifetime, earliest, latest) in rows {
        let times = Times::new(at(0), Some(lifetime));
        let drawn = |random| (due(Policy::default(), times, random) + Duration::from_nanos(10)).as_millis();
        assert_eq!((drawn(0), drawn(u64::MAX)), (earliest, latest), "{lifetime:?}");
    }
}

#[test]
fn the_share_and_the_lead_are_settings() {
    let times = Times::new(at(0), Some(secs(1000)));
    let shares = policy(|policy| (policy.renew_between, policy.lead) = ((0.4, 0.6), Duration::ZERO));
    assert_eq!((due(shares.clone(), times, 0), due(shares, times, u64::MAX)), (secs(400), secs(600)));
    let early = policy(|policy| policy.lead_share = 0.5);
    assert_eq!(due(early.clone(), times, u64::MAX), secs(850));
    assert_eq!(due(early, Times::new(at(0), Some(secs(40))), 0), secs(20));
}

#[test]
fn long_lives_are_renewed_on_a_whole_second_of_the_boot_clock() {
    for (booted, random) in [(1_234_567, 99), (999_999_999, u64::MAX / 3), (0, u64::MAX / 7)] {
        let now = moment(Duration::from_nanos(booted));
        for (lifetime, whole) in [(HOUR, true), (secs(60), true), (secs(59), false)] {
            let due = due(Policy::default(), Times::new(now, Some(lifetime)), random);
            assert_eq!(due.subsec_nanos() == 0, whole, "{lifetime:?}: {due:?}");
        }
    }
}

#[test]
fn the_servers_own_wish_counts_if_it_is_earlier_than_ours() {
    for (wish, expected) in [(600, 600), (2000, 2000), (3000, 2520), (100_000, 2520)] {
        let times = Times::new(at(0), Some(HOUR)).refresh_in(Some(secs(wish)));
        assert_eq!(due(Policy::default(), times, 0), secs(expected), "wish {wish}");
    }
}

/// It would cost a rotation a second for ever.
#[test]
fn a_wish_for_less_than_a_tenth_of_the_lifetime_is_none() {
    for (wish, expected) in [(Duration::ZERO, 2520), (secs(1), 2520), (secs(359), 2520), (secs(360), 360)] {
        let times = Times::new(at(0), Some(HOUR)).refresh_in(Some(wish));
        assert_eq!(due(Policy::default(), times, 0), secs(expected), "wish {wish:?}");
    }
}

#[test]
fn the_renewal_time_is_drawn_once_for_each_token() {
    let mut machine = session();
    assert!((0..100).all(|second| machine.tick(at(second)).next == Some(secs(2520))));
}

/// An answer that took so long.
fn answer(machine: &mut Session, second: u64, took: u64, lifetime: u64) -> Vec<&'static str> {
    let plan = started(machine.force(at(second)));
    let entry = committed(plan.known.as_deref(), Some(secs(lifetime)), at(second));
    let times = Times::new(at(second), Some(secs(lifetime)));
    let outcome: Outcome<u32> = answered(&plan, times, Saved::Stored(entry.into()));
    names(&told(machine, |machine| machine.finish(&plan, outcome, at(second + took), 0)))
}

#[test]
fn a_life_shorter_than_two_requests_is_renewed_on_demand_only_and_that_is_told() {
    // Seconds the request took, the lifetime it brought, whether it is renewed ahead.
    let rows = [(1, 10, true), (5, 10, true), (6, 10, false), (9, 10, false), (30, 60, true), (31, 60, false)];
    for (took, lifetime, ahead) in rows {
        let mut machine = session();
        let events = answer(&mut machine, 100, took, lifetime);
        assert_eq!(events.contains(&"reactive"), !ahead, "{took} s for {lifetime} s");
        let next = machine.tick(at(100 + took)).next.expect("an expiry or a renewal");
        assert_eq!(next == secs(100 + lifetime), !ahead, "{took} s for {lifetime} s: next at {next:?}");
        machine.note_use();
        assert_eq!(machine.tick(at(100 + lifetime)).refresh.is_some(), ahead);
    }
}

/// It was suspended midway, which says nothing about the server: the next renewal is not given up.
#[test]
fn a_request_that_outlived_its_limit_does_not_make_the_life_of_its_token_too_short() {
    for (took, due) in [(60, 2620), (2000, 2620), (28_800, 28_901)] {
        let mut machine = session();
        assert_eq!(answer(&mut machine, 100, took, 3600), ["refreshed"], "{took} s");
        machine.note_use();
        assert!(machine.tick(at(due)).refresh.is_some(), "{took} s");
    }
}

#[test]
fn that_renewal_is_on_demand_only_is_told_once_a_login_however_the_server_wavers() {
    let mut machine = logged_in(Policy::default(), None);
    let mut warned = 0;
    for round in 0..10 {
        let events = answer(&mut machine, 100 + 100 * round, if round % 2 == 0 { 9 } else { 1 }, 10);
        warned += events.iter().filter(|event| **event == "reactive").count();
    }
    assert_eq!(warned, 1);
    login(&mut machine, Some(HOUR), at(2000));
    store(&mut machine, at(2000));
    assert_eq!(answer(&mut machine, 2100, 9, 10), ["refreshed", "reactive"]);
}

#[test]
fn a_token_of_no_lifetime_needs_no_warning() {
    for lifetime in [None, Some(Duration::ZERO)] {
        let mut machine = session();
        let plan = started(machine.force(at(100)));
        let outcome = obtained(&plan, lifetime);
        let events = told(&mut machine, |machine| machine.finish(&plan, outcome, at(101), 0));
        assert_eq!(names(&events), ["refreshed"], "{lifetime:?}");
    }
}

/// A program without a driver may not live to store the answer.
#[test]
fn a_token_in_its_lead_is_used_and_renewed_by_the_driver_alone() {
    let mut machine = session();
    for second in [0, 2519, 2520, 3599] {
        assert!(just_use(&machine.usable(None, at(second))), "{second}");
    }
    assert!(machine.tick(at(2519)).refresh.is_none());
    let plan = machine.tick(at(2520)).refresh.expect("a renewal");
    assert_eq!((plan.reason, plan.usable, plan.started), (Reason::Due, Some(secs(1080)), at(2520)));
    assert!(plan.is_usable(at(3599)) && !plan.is_usable(at(3600)));
    for second in [2520, 3599] {
        let decision = machine.usable(None, at(second));
        assert!(matches!(decision, Decision::Use { beside: Some(Beside::Join(Work::Refresh)) }));
    }
    // Only now is there anything to wait for.
    assert!(matches!(machine.usable(None, at(3600)), Decision::Join { work: Work::Refresh, .. }));
}

/// What is sent once only, such as a stream, is sent with a token that outlives it.
#[test]
fn a_caller_that_wants_a_lasting_token_gets_a_newer_one_if_the_old_one_is_past_half_its_life() {
    // Second, how long it is to last, whether a refresh is started.
    let rows = [
        (10, 4000, false),
        (1800, 1800, false),
        (1800, 1801, false),
        (1801, 1799, false),
        (1801, 1800, true),
        (3500, 100, false),
    ];
    for (second, wanted, newer) in rows {
        let mut machine = session();
        match machine.lasting(secs(wanted), None, at(second)) {
            Decision::Use { .. } => assert!(!newer, "at {second} for {wanted} s"),
            decision => assert_eq!((started(decision).reason, newer), (Reason::Due, true), "at {second}"),
        }
    }
}

/// What is refused and past half its life is renewed because it was refused.
#[test]
fn a_caller_that_wants_a_lasting_token_in_the_place_of_a_refused_one_gets_it_as_everyone_does() {
    let mut machine = session();
    let plan = started(machine.refused(refusal(&machine), at(2000)));
    machine.finish(&plan, failed(FailureClass::NotSent), at(2000), ALL);
    assert_eq!(started(machine.lasting(HOUR, Some(API), at(2001))).reason, Reason::Rejected);
}

#[test]
fn a_caller_whose_token_will_do_waits_a_second_for_a_newer_one() {
    let machine = session();
    // Second, how long it is to last, whether the wait ends after a second.
    let rows = [(10, 0, true), (10, 4000, true), (1801, 1799, true), (1801, 1800, false), (3600, 0, false)];
    for (second, wanted, enough) in rows {
        let patience = machine.patience(secs(wanted), None, at(second));
        assert_eq!(patience, enough.then(|| secs(second + 1)), "at {second} for {wanted} s");
    }
}

#[test]
fn the_driver_is_told_when_to_withdraw_a_token_that_cannot_be_renewed() {
    let mut machine = machine(Policy::default());
    let tokens = unrefreshable(tokens(at(0).wall, Some(HOUR)));
    machine.login(Some(1), Times::new(at(0), Some(HOUR)), tokens, at(0), 0);
    store(&mut machine, at(0));
    assert_eq!(machine.tick(at(10)).next, Some(HOUR));
}

#[test]
fn an_offer_says_until_when_a_caller_needs_not_ask() {
    let mut machine = session();
    let offer = machine.offer(true, at(10)).expect("a usable token");
    assert_eq!((offer.login, offer.generation), (machine.login_id(), machine.generation()));
    assert_eq!((offer.anchor, offer.ask_after), (at(0), Some(HOUR)));
    assert_eq!(machine.offer(true, at(3600)), None);
    machine.logout(at(10));
    assert_eq!(machine.offer(true, at(10)), None);
}

/// They keep moving what is in progress.
#[test]
fn without_a_driver_callers_ask_while_something_is_in_progress() {
    let mut machine = session();
    assert!(machine.offer(false, at(10)).is_some());
    let plan = started(machine.force(at(10)));
    assert!(machine.offer(false, at(10)).is_none() && machine.offer(true, at(10)).is_some());
    let outcome = obtained_unsaved(&plan, Some(HOUR));
    machine.finish(&plan, outcome, at(11), 0);
    assert!(machine.offer(false, at(11)).is_none() && machine.offer(true, at(11)).is_some());
}

#[test]
fn the_first_answer_counts_however_late_it_comes() {
    let mut machine = session();
    let plan = started(machine.usable(None, at(3600)));
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(3600), 0);
    assert_eq!(machine.generation(), plan.generation.next());
    assert!(just_use(&machine.usable(None, at(3600))));
}
