//! What a refusal of a token leads to.

use crate::tables::*;

/// A session with an hour of life, and a refusal of its token.
fn old_enough() -> (Session, Refused) {
    let machine = session();
    let refused = refusal(&machine);
    (machine, refused)
}

#[test]
fn the_first_refusal_of_the_current_token_starts_a_refresh_and_the_others_join_it() {
    let (mut machine, refused) = old_enough();
    let plan = started(machine.refused(refused, at(60)));
    assert_eq!((plan.reason, plan.usable), (Reason::Rejected, None));
    for _ in 0..100 {
        assert!(matches!(machine.refused(refused, at(60)), Decision::Join { work: Work::Refresh, overdue: false }));
        assert!(matches!(machine.usable(Some(API), at(60)), Decision::Join { .. }));
    }
    assert_eq!(machine.running(Work::Refresh), Some(plan.id));
}

/// Nothing is lost if its refresh token turns out spent, wherever the refused token came from.
#[test]
fn a_token_that_was_refused_is_not_usable_to_the_refresh_that_replaces_it() {
    let (mut machine, refused) = old_enough();
    let plan = started(machine.refused(refused, at(60)));
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(61), 0);
    let plan = started(machine.refused(refusal(&machine), at(120)));
    assert_eq!((plan.reason, plan.usable), (Reason::Rejected, None));
    let entry = committed(plan.known.as_deref(), Some(HOUR), at(121));
    machine.finish(&plan, found(entry, 7, at(121)), at(121), 0);
    assert_eq!(started(machine.refused(refusal(&machine), at(180))).usable, None);
}

#[test]
fn a_refusal_that_arrives_after_its_token_was_replaced_gets_the_new_token_and_starts_nothing() {
    let (mut machine, late) = old_enough();
    let plan = started(machine.refused(late, at(60)));
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(61), 0);
    for second in [61, 62, 300] {
        assert!(just_use(&machine.refused(late, at(second))));
    }
    assert_eq!(machine.running(Work::Refresh), None);
}

#[test]
fn a_refusal_of_a_fresh_token_is_no_reason_to_refresh_and_is_counted() {
    let (mut machine, refused) = old_enough();
    for second in [0, 5, 9] {
        assert_eq!(refused_with(machine.refused(refused, at(second))), ErrorKind::FreshRefused);
    }
    assert_eq!(machine.fresh_refused(), 3);
    // It stays good for everyone, and ten seconds after the login the refusal is believed.
    assert!(just_use(&machine.usable(Some(API), at(9))));
    assert_eq!(started(machine.refused(refused, at(10))).reason, Reason::Rejected);
}

/// A server that dates tokens by whole seconds ends one of three seconds after two and a bit.
#[test]
fn a_token_is_fresh_for_at_most_a_quarter_of_its_lifetime() {
    for (lifetime, fresh) in [(secs(2), 500), (secs(3), 750), (secs(18), 4500), (secs(40), 10_000), (HOUR, 10_000)] {
        let mut machine = logged_in(Policy::default(), Some(lifetime));
        let refused = refusal(&machine);
        let just_before = moment(millis(fresh - 1));
        assert_eq!(refused_with(machine.refused(refused, just_before)), ErrorKind::FreshRefused, "{lifetime:?}");
        assert_eq!(started(machine.refused(refused, moment(millis(fresh)))).reason, Reason::Rejected, "{lifetime:?}");
    }
}

/// It may have been on its way for long.
#[test]
fn no_token_is_fresh_in_the_second_half_of_its_lifetime_nor_in_its_lead() {
    let early = policy(|policy| policy.renew_between = (0.1, 0.1));
    for (policy, sent, fresh) in [(Policy::default(), 29, true), (Policy::default(), 30, false), (early, 29, false)] {
        let mut machine = logged_in(policy, Some(HOUR));
        let plan = started(machine.force(at(100)));
        machine.finish(&plan, obtained(&plan, Some(secs(60))), at(100 + sent), 0);
        let decision = machine.refused(refusal(&machine), at(100 + sent));
        assert_eq!(matches!(decision, Decision::Refuse(_)), fresh, "{sent} s: {decision:?}");
    }
}

#[test]
fn a_token_obtained_by_a_refresh_is_fresh_from_its_adoption_on() {
    let (mut machine, refused) = old_enough();
    let plan = started(machine.refused(refused, at(60)));
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(80), 0);
    let refused = refusal(&machine);
    assert_eq!(refused_with(machine.refused(refused, at(89))), ErrorKind::FreshRefused);
    assert_eq!(started(machine.refused(refused, at(90))).reason, Reason::Rejected);
}

/// A program that runs for a second must be able to refresh.
#[test]
fn a_token_found_in_the_store_is_fresh_only_if_it_was_issued_just_now() {
    // The last one is older than the boot.
    for (booted, age, fresh) in
        [(5000, 0, true), (5000, 9, true), (5000, 10, false), (5000, 1800, false), (4, 4, true), (4, 5, false)]
    {
        let (mut machine, now) = (machine(Policy::default()), at(booted));
        let plan = started(machine.usable(None, now));
        let entry = committed(None, Some(HOUR), Now::new(now.boot, now.wall - secs(age)));
        machine.finish(&plan, found(entry, 1, now), now, 0);
        match machine.refused(refusal(&machine), now) {
            Decision::Refuse(error) => assert!(fresh && *error.kind() == ErrorKind::FreshRefused, "{age} s: {error:?}"),
            decision => assert_eq!((started(decision).reason, fresh), (Reason::Rejected, false), "{age} s"),
        }
    }
}

#[test]
fn a_fresh_token_refused_while_its_login_is_being_stored_is_no_reason_to_refresh() {
    let mut machine = machine(Policy::default());
    login(&mut machine, Some(HOUR), at(0));
    assert!(machine.tick(at(0)).write.is_some());
    assert_eq!(refused_with(machine.refused(refusal(&machine), at(1))), ErrorKind::FreshRefused);
    assert!(machine.has_usable(Some(API), at(1)));
}

#[test]
fn a_token_refused_while_its_renewal_is_on_its_way_waits_for_that_however_fresh_it_is() {
    let (mut machine, refused) = old_enough();
    let plan = started(machine.force(at(1)));
    assert!(matches!(machine.refused(refused, at(2)), Decision::Join { .. }));
    machine.finish(&plan, failed(FailureClass::NotSent), at(3), 0);
    assert!(!machine.has_usable(Some(API), at(3)));
    assert_eq!(started(machine.refused(refused, at(4))).reason, Reason::Rejected, "what was believed is believed");
}

#[test]
fn a_replay_that_is_refused_too_goes_to_the_caller_and_the_new_token_stays() {
    let (mut machine, refused) = old_enough();
    let plan = started(machine.refused(refused, at(60)));
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(61), 0);
    let replayed = refusal(&machine).after_replays(1);
    for second in [61, 100] {
        assert_eq!(refused_with(machine.refused(replayed, at(second))), ErrorKind::StillRefused);
    }
    assert!(just_use(&machine.usable(Some(API), at(100))));
    assert_eq!(machine.running(Work::Refresh), None);
}

#[test]
fn a_refusal_two_generations_late_gets_the_newest_token() {
    let (mut machine, late) = old_enough();
    for second in [60, 120] {
        let plan = started(machine.force(at(second)));
        machine.finish(&plan, obtained(&plan, Some(HOUR)), at(second), 0);
    }
    assert_eq!(machine.generation(), late.generation.next().next());
    assert!(just_use(&machine.refused(late, at(121))));
    assert_eq!(machine.running(Work::Refresh), None);
}

#[test]
fn a_second_replay_is_granted_only_when_the_firsts_token_was_dead_of_old_age_or_replaced() {
    let mut machine = logged_in(Policy::default(), Some(secs(100)));
    let once = refusal(&machine).after_replays(1);
    assert_eq!(refused_with(machine.refused(once, at(50))), ErrorKind::StillRefused);
    let mut replaced = machine.clone();
    assert_eq!(started(machine.refused(once, at(101))).reason, Reason::Rejected);
    assert_eq!(refused_with(machine.refused(once.after_replays(2), at(101))), ErrorKind::StillRefused);
    let plan = started(replaced.force(at(51)));
    replaced.finish(&plan, obtained(&plan, Some(HOUR)), at(51), 0);
    assert!(just_use(&replaced.refused(once, at(52))));
    assert_eq!(refused_with(replaced.refused(once.after_replays(2), at(52))), ErrorKind::StillRefused);
}

#[test]
fn how_often_a_request_is_sent_again_is_a_setting() {
    let mut machine = logged_in(policy(|policy| policy.replays = 2), Some(HOUR));
    for second in [60, 100] {
        let refused = refusal(&machine).after_replays((second / 100) as u8);
        let plan = started(machine.refused(refused, at(second)));
        machine.finish(&plan, obtained(&plan, Some(HOUR)), at(second), 0);
    }
    let twice = refusal(&machine).after_replays(2);
    assert_eq!(refused_with(machine.refused(twice, at(140))), ErrorKind::StillRefused);
}

#[test]
fn without_replays_a_refusal_goes_to_the_caller_and_the_next_request_refreshes() {
    let mut machine = logged_in(policy(|policy| policy.replays = 0), None);
    let refused = refusal(&machine);
    assert_eq!(refused_with(machine.refused(refused, at(9))), ErrorKind::FreshRefused);
    assert_eq!(refused_with(machine.refused(refused, at(60))), ErrorKind::StillRefused);
    assert!(!machine.has_usable(Some(API), at(60)));
    assert_eq!(started(machine.usable(Some(API), at(60))).reason, Reason::Rejected);
    // A token that has been replaced since is not sent either.
    let old = Refused::new(machine.login_id(), Generation::default(), Some(API));
    assert_eq!(refused_with(machine.refused(old, at(60))), ErrorKind::StillRefused);
}

#[test]
fn a_request_from_before_a_logout_or_login_is_not_replayed_with_another_logins_token() {
    let (mut machine, before) = old_enough();
    machine.logout(at(60));
    assert_eq!(refused_with(machine.refused(before, at(60))), ErrorKind::SessionChanged);
    login(&mut machine, Some(HOUR), at(61));
    assert_eq!(refused_with(machine.refused(before, at(62))), ErrorKind::SessionChanged);
    // Its refusal says nothing about the new token.
    assert!(machine.has_usable(Some(API), at(62)));
}

#[test]
fn a_refresh_that_is_not_the_one_in_progress_changes_nothing() {
    let (mut machine, refused) = old_enough();
    let first = started(machine.refused(refused, at(60)));
    machine.finish(&first, obtained(&first, Some(HOUR)), at(61), 0);
    let second = started(machine.force(at(100)));
    let before = format!("{machine:?}");
    let finish = machine.finish(&first, obtained(&first, Some(secs(5))), at(101), 0);
    assert!(matches!(finish, Finish::Stale { logged_out: false }));
    machine.crash(&first, &Error::new(ErrorKind::Store));
    assert_eq!(format!("{machine:?}"), before);
    assert_eq!(machine.running(Work::Refresh), Some(second.id));
    assert!(matches!(machine.usable(None, at(101)), Decision::Use { beside: Some(Beside::Join(Work::Refresh)) }));
}
