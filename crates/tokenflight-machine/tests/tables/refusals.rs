//! What a refusal of a token leads to.

use tokenflight_core::{Epoch, ErrorKind, FailureClass, Generation, event::Source, grant::Reason};
use tokenflight_machine::{Beside, Decision, Landing, Login, Machine, OriginId, Policy, Publish, Refused};

use crate::support::{
    API, HOUR, at, failed, found, just_use, logged_in, machine, millis, moment, obtained, refusal, refused_with, secs,
    started, store,
};

/// A session with an hour of life whose token is no longer fresh, and a refusal of that token.
fn old_enough() -> (Machine, Refused) {
    let machine = logged_in(Policy::default(), Some(HOUR));
    let refused = refusal(&machine);
    (machine, refused)
}

#[test]
fn the_first_refusal_of_the_current_token_starts_a_flight_and_the_others_join_it() {
    let (mut machine, refused) = old_enough();
    let plan = started(machine.refused(refused, at(60)));
    assert_eq!(plan.reason, Reason::Rejected);
    assert!(!plan.usable);
    for _ in 0..100 {
        assert!(matches!(machine.refused(refused, at(60)), Decision::Join { id, overdue: false } if id == plan.id));
        assert!(matches!(machine.usable(at(60)), Decision::Join { id, .. } if id == plan.id));
    }
}

/// C-03
#[test]
fn a_refusal_that_arrives_after_its_token_was_replaced_gets_the_new_token_and_starts_nothing() {
    let (mut machine, late) = old_enough();
    let plan = started(machine.refused(late, at(60)));
    machine.land(&plan, &obtained(&plan, Some(HOUR)), at(61), 0);
    for second in [61, 62, 300] {
        assert!(just_use(&machine.refused(late, at(second))));
    }
    assert_eq!(machine.flight(), None);
}

/// C-04, R-127
#[test]
fn a_refusal_of_a_fresh_token_is_no_reason_to_refresh_and_is_counted() {
    let mut machine = logged_in(Policy::default(), Some(HOUR));
    let refused = refusal(&machine);
    for second in [0, 5, 9] {
        assert_eq!(refused_with(machine.refused(refused, at(second))), ErrorKind::FreshRefused);
    }
    assert_eq!(machine.fresh_refused(), 3);
    // It stays good for everybody else, and ten seconds after the login it is believed.
    assert!(just_use(&machine.usable(at(9))));
    assert_eq!(started(machine.refused(refused, at(10))).reason, Reason::Rejected);
}

/// a server that dates tokens by whole seconds ends one of three seconds after two and a bit.
#[test]
fn no_token_is_fresh_in_the_second_half_of_its_lifetime() {
    for (lifetime, half) in [(secs(2), secs(1)), (secs(3), millis(1500)), (secs(18), secs(9)), (secs(60), secs(10))] {
        let mut machine = logged_in(Policy::default(), Some(lifetime));
        let refused = refusal(&machine);
        let just_before = moment(half - millis(1));
        assert_eq!(refused_with(machine.refused(refused, just_before)), ErrorKind::FreshRefused, "{lifetime:?}");
        assert_eq!(started(machine.refused(refused, moment(half))).reason, Reason::Rejected, "{lifetime:?}");
    }
}

/// the window begins anew with each token set.
#[test]
fn a_token_obtained_by_a_refresh_is_fresh_from_its_adoption_on() {
    let (mut machine, refused) = old_enough();
    let plan = started(machine.refused(refused, at(60)));
    machine.land(&plan, &obtained(&plan, Some(HOUR)), at(80), 0);
    let refused = refusal(&machine);
    assert_eq!(refused_with(machine.refused(refused, at(89))), ErrorKind::FreshRefused);
    assert_eq!(started(machine.refused(refused, at(90))).reason, Reason::Rejected);
}

/// what the store gives may be as old as it likes. A program that runs for a second must be able to refresh.
#[test]
fn a_token_found_in_the_store_is_fresh_only_if_it_was_issued_just_now() {
    for (age, fresh) in [(0, true), (9, true), (10, false), (1800, false)] {
        let mut machine = machine(Policy::default());
        let now = at(5000);
        let plan = started(machine.usable(now));
        let anchor = now.back(secs(age));
        let found = found(Epoch::new(1), Generation::new(1), anchor, Some(HOUR));
        machine.land(&plan, &Landing::Found(found), now, 0);
        let refused = refusal(&machine);
        match machine.refused(refused, now) {
            Decision::Refuse(error) => assert!(fresh && *error.kind() == ErrorKind::FreshRefused, "{age} s: {error:?}"),
            decision => assert_eq!((started(decision).reason, fresh), (Reason::Rejected, false), "{age} s"),
        }
    }
}

/// R-127, while the login is still on its way to the store.
#[test]
fn a_fresh_token_refused_during_a_flight_that_only_stores_it_is_no_reason_to_refresh() {
    let mut machine = machine(Policy::default());
    machine.login(Login::new(Some(HOUR)), at(0), 0);
    assert_eq!(machine.tick(at(0)).start.map(|plan| plan.reason), Some(Reason::Persist));
    let refused = refusal(&machine);
    assert_eq!(refused_with(machine.refused(refused, at(1))), ErrorKind::FreshRefused);
    assert!(machine.has_usable(at(1)));
}

/// A refusal during the renewal waits for it, however fresh the token.
#[test]
fn a_token_refused_while_its_renewal_is_on_its_way_waits_for_that() {
    let mut machine = logged_in(Policy::default(), Some(HOUR));
    let plan = started(machine.force(at(1)));
    let refused = refusal(&machine);
    assert!(matches!(machine.refused(refused, at(2)), Decision::Join { id, .. } if id == plan.id));
}

/// C-05
#[test]
fn a_replay_that_is_refused_too_goes_to_the_caller_and_the_new_token_stays() {
    let (mut machine, refused) = old_enough();
    let plan = started(machine.refused(refused, at(60)));
    machine.land(&plan, &obtained(&plan, Some(HOUR)), at(61), 0);
    let replayed = refusal(&machine).after_replays(1);
    for second in [61, 100] {
        assert_eq!(refused_with(machine.refused(replayed, at(second))), ErrorKind::StillRefused);
    }
    assert!(just_use(&machine.usable(at(100))));
    assert_eq!(machine.flight(), None);
}

/// C-06
#[test]
fn a_refusal_two_generations_late_gets_the_newest_token() {
    let (mut machine, late) = old_enough();
    for second in [60, 120] {
        let plan = started(machine.force(at(second)));
        machine.land(&plan, &obtained(&plan, Some(HOUR)), at(second), 0);
    }
    assert_eq!(machine.generation(), late.generation.next().next());
    assert!(just_use(&machine.refused(late, at(121))));
    assert_eq!(machine.flight(), None);
}

/// one more if the new token itself was spent, or replaced, by the time it was refused.
#[test]
fn a_second_replay_is_granted_only_when_the_first_ones_token_was_dead_of_old_age() {
    let mut machine = logged_in(Policy::default(), Some(secs(100)));
    let once = refusal(&machine).after_replays(1);
    assert_eq!(refused_with(machine.refused(once, at(50))), ErrorKind::StillRefused);
    assert_eq!(started(machine.refused(once, at(101))).reason, Reason::Rejected);
    let twice = once.after_replays(2);
    assert_eq!(refused_with(machine.refused(twice, at(101))), ErrorKind::StillRefused);
}

/// whoever never replays still wants the next request to succeed.
#[test]
fn without_replays_a_refusal_goes_to_the_caller_and_the_next_request_refreshes() {
    let mut policy = Policy::default();
    policy.replays = 0;
    let mut machine = logged_in(policy, None);
    let refused = refusal(&machine);
    assert_eq!(refused_with(machine.refused(refused, at(9))), ErrorKind::FreshRefused);
    assert_eq!(refused_with(machine.refused(refused, at(60))), ErrorKind::StillRefused);
    assert!(!machine.has_usable(at(60)));
    assert_eq!(started(machine.usable(at(60))).reason, Reason::Rejected);
}

/// C-24
#[test]
fn a_request_from_before_a_logout_or_login_is_not_replayed_with_another_logins_token() {
    let (mut machine, before) = old_enough();
    machine.logout();
    assert_eq!(refused_with(machine.refused(before, at(60))), ErrorKind::SessionChanged);
    machine.login(Login::new(Some(HOUR)), at(61), 0);
    assert_eq!(refused_with(machine.refused(before, at(62))), ErrorKind::SessionChanged);
    // Its refusal says nothing about the new token.
    assert!(machine.has_usable(at(62)));
}

/// ten refreshes in ten minutes, then its refusals pass through; other origins are not affected.
#[test]
fn an_origin_that_refuses_everything_costs_ten_refreshes_in_ten_minutes() {
    let (mut machine, _) = old_enough();
    let refuse = |machine: &mut Machine, origin, second| {
        let refused = Refused::new(machine.epoch(), machine.generation(), OriginId::new(origin));
        machine.refused(refused, at(second))
    };
    for round in 0..10 {
        let second = 60 + 20 * round;
        let plan = started(refuse(&mut machine, 7, second));
        machine.land(&plan, &obtained(&plan, Some(HOUR)), at(second), 0);
        assert!(machine.offer(at(second)).is_some_and(|offer| offer.watched));
    }
    for second in [270, 400, 659] {
        assert_eq!(refused_with(refuse(&mut machine, 7, second)), ErrorKind::Futile);
        assert!(just_use(&machine.usable(at(second))), "the token is good for others");
    }
    // Another origin has ten of its own.
    let plan = started(refuse(&mut machine, 8, 659));
    machine.land(&plan, &obtained(&plan, Some(HOUR)), at(659), 0);
    // The first of the ten leaves the window, and one more is granted.
    let plan = started(refuse(&mut machine, 7, 670));
    machine.land(&plan, &obtained(&plan, Some(HOUR)), at(670), 0);
    // The second is still in it, at second 80 + 600 less one.
    assert_eq!(refused_with(refuse(&mut machine, 7, 679)), ErrorKind::FreshRefused);
    let plan = started(refuse(&mut machine, 7, 681));
    machine.land(&plan, &obtained(&plan, Some(HOUR)), at(681), 0);
    assert_eq!(refused_with(refuse(&mut machine, 7, 695)), ErrorKind::Futile);
}

/// a store that has another number for the token that is here already has brought nothing again. So says every
/// store that numbered a login above the machine's own number.
#[test]
fn a_token_found_again_in_the_store_is_not_a_futile_refresh() {
    for (source, expected) in [(Source::Server, Some(ErrorKind::Futile)), (Source::Store, None)] {
        let (mut machine, refused) = old_enough();
        let plan = started(machine.force(at(60)));
        let before = machine.span();
        let landing = if source == Source::Server {
            obtained(&plan, Some(HOUR))
        } else {
            Landing::Found(found(machine.epoch(), Generation::new(9), at(0), Some(HOUR)))
        };
        machine.land(&plan, &landing, at(60), 0);
        machine.repeated(before, source);
        let decision = machine.refused(refused, at(75));
        match expected {
            Some(kind) => assert_eq!(refused_with(decision), kind),
            None => assert_eq!(started(decision).reason, Reason::Rejected),
        }
    }
}

///
#[test]
fn a_success_or_a_login_makes_the_storm_guard_forget() {
    for forget in [(|machine: &mut Machine| machine.accepted(API)) as fn(&mut Machine), |machine| {
        machine.login(Login::new(Some(HOUR)), at(300), 0);
        store(machine);
    }] {
        let (mut machine, _) = old_enough();
        for round in 0..10 {
            let refused = refusal(&machine);
            let plan = started(machine.refused(refused, at(60 + 20 * round)));
            machine.land(&plan, &obtained(&plan, Some(HOUR)), at(60 + 20 * round), 0);
        }
        let refused = refusal(&machine);
        assert_eq!(refused_with(machine.refused(refused, at(299))), ErrorKind::Futile);
        forget(&mut machine);
        assert!(machine.offer(at(300)).is_some_and(|offer| !offer.watched));
        let refused = refusal(&machine);
        assert_eq!(started(machine.refused(refused, at(400))).reason, Reason::Rejected);
    }
}

/// also while a renewal is on its way, an origin past its budget takes nobody's token away.
#[test]
fn a_futile_origin_does_not_spoil_the_token_during_a_renewal() {
    let (mut machine, _) = old_enough();
    for round in 0..10 {
        let refused = refusal(&machine);
        let plan = started(machine.refused(refused, at(60 + 20 * round)));
        machine.land(&plan, &obtained(&plan, Some(HOUR)), at(60 + 20 * round), 0);
    }
    let plan = started(machine.force(at(300)));
    let refused = refusal(&machine);
    assert_eq!(refused_with(machine.refused(refused, at(301))), ErrorKind::Futile);
    assert!(matches!(machine.usable(at(301)), Decision::Use { beside: Beside::Join(id) } if id == plan.id));
    machine.land(&plan, &failed(FailureClass::NotSent), at(302), 0);
    assert!(machine.has_usable(at(302)));
}

///
#[test]
fn a_flight_that_is_not_in_the_slot_changes_nothing() {
    let (mut machine, refused) = old_enough();
    let first = started(machine.refused(refused, at(60)));
    machine.land(&first, &obtained(&first, Some(HOUR)), at(61), 0);
    let second = started(machine.force(at(100)));
    let before = format!("{machine:?}");
    let verdict = machine.land(&first, &obtained(&first, Some(secs(5))), at(101), 0);
    assert_eq!(verdict.publish, Publish::Stale);
    assert!(verdict.events.is_empty());
    assert_eq!(format!("{machine:?}"), before);
    assert_eq!(machine.flight(), Some(second.id));
}
