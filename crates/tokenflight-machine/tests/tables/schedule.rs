//! When a token is renewed before anybody needs it.

use std::time::Duration;

use tokenflight_core::{Event, Now, grant::Reason};
use tokenflight_machine::{Beside, Decision, FlightPlan, Landing, Login, Machine, Obtained, Policy};

use crate::support::{HOUR, at, just_use, logged_in, machine, moment, obtained, secs, started, store};

/// When renewal of a token with this lifetime is due, drawn with these bits.
fn due(lifetime: Duration, random: u64) -> Option<Duration> {
    let mut machine = machine(Policy::default());
    machine.login(Login::new(Some(lifetime)), at(0), random);
    machine.offer(at(0)).and_then(|offer| offer.ask_after)
}

///
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
        let drawn = |random| due(lifetime, random).map(|due| (due + Duration::from_nanos(10)).as_millis());
        assert_eq!((drawn(0), drawn(u64::MAX)), (Some(earliest), Some(latest)), "{lifetime:?}");
    }
}

///
#[test]
fn long_lives_are_renewed_on_a_whole_second_of_the_boot_clock() {
    for (booted, random) in [(1_234_567, 99), (999_999_999, u64::MAX / 3), (0, u64::MAX / 7)] {
        let now = moment(Duration::from_nanos(booted));
        let mut machine = machine(Policy::default());
        machine.login(Login::new(Some(HOUR)), now, random);
        store(&mut machine);
        let next = machine.tick(now).next.expect("a renewal time");
        assert_eq!(next.subsec_nanos(), 0);
    }
}

///
#[test]
fn the_servers_own_wish_counts_if_it_is_earlier_than_ours() {
    for (wish, expected) in [(600, 600), (2000, 2000), (3000, 2520), (100_000, 2520)] {
        let mut machine = machine(Policy::default());
        let mut login = Login::new(Some(HOUR));
        login.refresh_in = Some(secs(wish));
        machine.login(login, at(0), 0);
        assert_eq!(machine.offer(at(0)).and_then(|offer| offer.ask_after), Some(secs(expected)), "wish {wish}");
    }
}

///
#[test]
fn the_renewal_time_is_drawn_once_for_each_token() {
    let mut machine = logged_in(Policy::default(), Some(HOUR));
    let times: Vec<_> = (0..100).map(|second| machine.tick(at(second)).next).collect();
    assert!(times.iter().all(|time| *time == Some(secs(2520))), "{times:?}");
}

fn answer(machine: &mut Machine, plan: &FlightPlan, took: Duration, lifetime: Duration, now: Now) -> Vec<Event> {
    let obtained = Obtained::new(plan.epoch, plan.generation.next(), now.back(took), Some(lifetime));
    machine.land(plan, &Landing::Obtained(obtained), now, 0).events
}

const fn is_warning(event: &Event) -> bool {
    matches!(event, Event::ProactiveOff)
}

///
#[test]
fn a_life_shorter_than_two_requests_is_renewed_on_demand_only_and_that_is_told_once() {
    // Seconds the request took, the lifetime it brought, whether it is renewed ahead.
    let rows = [(1, 10, true), (5, 10, true), (6, 10, false), (9, 10, false), (30, 60, true), (31, 60, false)];
    for (took, lifetime, ahead) in rows {
        let mut machine = logged_in(Policy::default(), Some(HOUR));
        let plan = started(machine.force(at(100)));
        let events = answer(&mut machine, &plan, secs(took), secs(lifetime), at(200));
        assert_eq!(events.iter().any(is_warning), !ahead, "{took} s for {lifetime} s");
        let next = machine.tick(at(200)).next.expect("an expiry or a renewal");
        let expiry = secs(200 - took + lifetime);
        assert_eq!(next == expiry, !ahead, "{took} s for {lifetime} s: next at {next:?}");
    }
}

///
#[test]
fn the_warning_is_not_repeated_until_the_next_login_however_the_server_wavers() {
    let mut machine = logged_in(Policy::default(), None);
    let mut warnings = 0;
    for round in 0..10_u64 {
        let second = 100 + 100 * round;
        let plan = started(machine.force(at(second)));
        let took = if round % 2 == 0 { secs(9) } else { secs(1) };
        let events = answer(&mut machine, &plan, took, secs(10), at(second + 10));
        warnings += events.iter().filter(|event| is_warning(event)).count();
    }
    assert_eq!(warnings, 1);
    machine.login(Login::new(Some(HOUR)), at(2000), 0);
    store(&mut machine);
    let plan = started(machine.force(at(2100)));
    assert!(answer(&mut machine, &plan, secs(9), secs(10), at(2110)).iter().any(is_warning));
}

///
#[test]
fn a_request_in_the_lead_uses_the_token_and_nudges_its_renewal() {
    let mut machine = logged_in(Policy::default(), Some(HOUR));
    assert!(just_use(&machine.usable(at(2519))));
    let Decision::Use { beside: Beside::Start(plan) } = machine.usable(at(2520)) else {
        panic!("the first in the lead starts the renewal")
    };
    assert_eq!((plan.reason, plan.usable), (Reason::Due, true));
    for second in [2520, 3000, 3599] {
        assert!(matches!(machine.usable(at(second)), Decision::Use { beside: Beside::Join(id) } if id == plan.id));
    }
    // Only now is there anything to wait for.
    assert!(matches!(machine.usable(at(3600)), Decision::Join { id, .. } if id == plan.id));
}

#[test]
fn the_driver_is_told_when_to_withdraw_a_token_that_cannot_be_renewed() {
    let mut machine = machine(Policy::default());
    let mut login = Login::new(Some(HOUR));
    login.has_refresh_token = false;
    machine.login(login, at(0), 0);
    store(&mut machine);
    assert_eq!(machine.tick(at(10)).next, Some(HOUR));
}

#[test]
fn an_offer_says_until_when_nobody_needs_to_ask() {
    let mut machine = logged_in(Policy::default(), Some(HOUR));
    let offer = machine.offer(at(10)).expect("a usable token");
    assert_eq!((offer.epoch, offer.generation), (machine.epoch(), machine.generation()));
    assert_eq!((offer.anchor, offer.ask_after, offer.watched), (at(0), Some(secs(2520)), false));
    assert_eq!(machine.offer(at(3600)), None);
    machine.logout();
    assert_eq!(machine.offer(at(10)), None);
}

#[test]
fn the_first_answer_counts_however_late_it_is_told() {
    let mut machine = logged_in(Policy::default(), Some(HOUR));
    let plan = started(machine.usable(at(3600)));
    machine.land(&plan, &obtained(&plan, Some(HOUR)), at(3600), 0);
    assert_eq!(machine.generation(), plan.generation.next());
    assert!(just_use(&machine.usable(at(3600))));
}
