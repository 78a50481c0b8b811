//! Who has refused a token, and where refreshing does not help.

use tokenflight_machine::OriginId;

use crate::tables::*;

const fn origin(number: u64) -> OriginId {
    OriginId::new(number)
}

/// Its token is refused by [`API`] at second 60, and the token endpoint is down.
fn refused_and_down() -> Session {
    let mut machine = session();
    let plan = started(machine.refused(refusal(&machine), at(60)));
    machine.finish(&plan, failed(FailureClass::NotSent), at(60), ALL);
    machine
}

#[test]
fn a_refusal_by_one_origin_does_not_take_the_token_from_others_when_no_newer_one_is_to_be_had() {
    let mut machine = refused_and_down();
    assert_eq!(refused_with(machine.usable(Some(API), at(60))), ErrorKind::Refresh(FailureClass::NotSent));
    for origin in [Some(OTHER), None] {
        assert!(just_use(&machine.usable(origin, at(60))));
        assert!(just_use(&machine.lasting(secs(5000), origin, at(60))));
    }
    assert!(machine.offer(true, at(60)).is_none(), "each caller has to ask");
    // As soon as a newer one may be had, everyone waits for that.
    let plan = started(machine.usable(Some(OTHER), at(61)));
    assert_eq!(plan.reason, Reason::Due);
    assert!(matches!(machine.usable(Some(OTHER), at(61)), Decision::Join { work: Work::Refresh, .. }));
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(61), 0);
    assert!(just_use(&machine.usable(Some(API), at(61))));
    assert!(machine.offer(true, at(61)).is_some());
}

/// Others need the newer one only to be spared a refusal.
#[test]
fn a_caller_with_a_token_that_another_origin_has_refused_waits_a_second_for_a_newer_one() {
    let mut machine = session();
    started(machine.refused(refusal(&machine), at(60)));
    let (almost, late) = (moment(secs(61) - millis(1)), at(61));
    assert!(matches!(machine.usable(Some(OTHER), almost), Decision::Join { work: Work::Refresh, .. }));
    let decision = machine.usable(Some(OTHER), late);
    assert!(matches!(decision, Decision::Use { beside: Some(Beside::Join(Work::Refresh)) }), "{decision:?}");
    assert!(matches!(machine.usable(Some(API), late), Decision::Join { .. }), "it has no other");
    assert_eq!(machine.patience(Duration::ZERO, Some(OTHER), at(60)), Some(secs(61)));
    assert_eq!(machine.patience(Duration::ZERO, Some(API), at(60)), None);
}

#[test]
fn the_driver_replaces_a_token_that_some_origin_has_refused() {
    let mut machine = refused_and_down();
    assert!(machine.tick(at(60)).refresh.is_none());
    assert_eq!(machine.tick(at(61)).refresh.map(|plan| plan.reason), Some(Reason::Rejected));
}

#[test]
fn however_many_origins_refuse_a_token_they_do_not_speak_for_others() {
    let mut machine = refused_and_down();
    for number in 11..18 {
        let refused = refused_by(&machine, origin(number));
        // Refused twice by the same one is refused once.
        machine.refused(refused, at(60));
        machine.refused(refused, at(60));
    }
    assert!(uses(&machine.usable(Some(OTHER), at(60))) && machine.has_usable(None, at(60)));
    for number in 11..18 {
        assert!(!machine.has_usable(Some(origin(number)), at(60)), "{number}");
    }
    machine.refused(refused_by(&machine, origin(18)), at(60));
    assert!(uses(&machine.usable(Some(OTHER), at(60))) && machine.has_usable(None, at(60)));
    // Of nine the first is forgotten, and refuses once more.
    assert!(!machine.has_usable(Some(origin(18)), at(60)) && !machine.has_usable(Some(origin(11)), at(60)));
    assert!(uses(&machine.usable(Some(API), at(60))));
    assert!(matches!(machine.refused(refused_by(&machine, API), at(60)), Decision::Refuse(_)));
    assert!(!machine.has_usable(Some(API), at(60)) && machine.has_usable(Some(origin(11)), at(60)));
}

#[test]
fn what_the_user_refuses_is_refused_everywhere() {
    let mut machine = session();
    let refused = Refused::new(machine.login_id(), machine.generation(), None);
    assert_eq!(refused_with(machine.refused(refused, at(9))), ErrorKind::FreshRefused);
    let plan = started(machine.refused(refused, at(60)));
    machine.finish(&plan, failed(FailureClass::NotSent), at(60), ALL);
    assert!(!machine.has_usable(None, at(60)) && !machine.has_usable(Some(API), at(60)));
    assert_eq!((plan.usable, machine.offer(true, at(60))), (None, None), "not even to a caller that does not ask");
}

/// A refusal by this origin; the replay with the new token, if there is one, is refused too.
fn disappoint(machine: &mut Session, origin: OriginId, second: u64) -> Option<ErrorKind> {
    let refused = refused_by(machine, origin);
    let plan = match machine.refused(refused, at(second)) {
        Decision::Refuse(error) => return Some(error.kind().clone()),
        decision => started(decision),
    };
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(second), 0);
    for _ in 0..3 {
        let replayed = refused_by(machine, origin).after_replays(1);
        assert_eq!(refused_with(machine.refused(replayed, at(second))), ErrorKind::StillRefused);
    }
    None
}

/// Ten new tokens from second 60 on, all refused.
fn storm(machine: &mut Session) {
    for round in 0..10 {
        assert_eq!(disappoint(machine, API, 60 + 20 * round), None);
    }
}

#[test]
fn an_origin_that_refuses_everything_costs_ten_refreshes_in_ten_minutes() {
    let mut machine = session();
    storm(&mut machine);
    for second in [260, 400, 839] {
        assert_eq!(disappoint(&mut machine, API, second), Some(ErrorKind::Futile));
        assert!(just_use(&machine.usable(Some(API), at(second))), "the token is good for what accepts it");
    }
    // Another origin has ten of its own; and if the first one refuses what that has brought, it has
    // refused one more.
    let mut both = machine.clone();
    assert_eq!(disappoint(&mut both, OTHER, 820), None);
    assert_eq!(disappoint(&mut both, API, 840), Some(ErrorKind::Futile));
    assert_eq!(disappoint(&mut machine, API, 840), None, "ten minutes after the last of the ten");
}

#[test]
fn each_rest_is_twice_as_long_as_the_one_before_up_to_an_hour() {
    let mut machine = session();
    storm(&mut machine);
    let mut next = 240;
    for minutes in [10, 20, 40, 60, 60] {
        next += minutes * 60;
        assert_eq!(disappoint(&mut machine, API, next - 1), Some(ErrorKind::Futile), "{minutes}");
        assert_eq!(disappoint(&mut machine, API, next), None, "{minutes}");
    }
}

#[test]
fn a_rest_is_as_long_as_the_window_at_least() {
    let settings = policy(|policy| (policy.storm_limit, policy.storm_window) = (1, secs(2 * 3600)));
    let mut machine = logged_in(settings, Some(HOUR));
    assert_eq!(disappoint(&mut machine, API, 60), None);
    for next in [60 + 7200, 60 + 14400] {
        assert_eq!(disappoint(&mut machine, API, next - 1), Some(ErrorKind::Futile), "{next}");
        assert_eq!(disappoint(&mut machine, API, next), None, "{next}");
    }
}

/// Ten of them are in a row however slowly they come, if no whole window lies between two.
#[test]
fn requests_that_are_nearly_ten_minutes_apart_are_in_a_row() {
    for (apart, rests) in [(599, true), (600, false)] {
        let mut machine = session();
        for round in 0..10 {
            assert_eq!(disappoint(&mut machine, API, 60 + apart * round), None, "{round}");
        }
        let next = disappoint(&mut machine, API, 60 + apart * 10);
        assert_eq!(next, rests.then_some(ErrorKind::Futile));
    }
}

#[test]
fn a_whole_window_without_a_strike_after_a_rest_begins_anew() {
    for (after, anew) in [(840 + 599, false), (840 + 600, true)] {
        let mut machine = session();
        storm(&mut machine);
        assert_eq!(disappoint(&mut machine, API, after), None);
        let next = disappoint(&mut machine, API, after + 20);
        assert_eq!(next, (!anew).then_some(ErrorKind::Futile));
    }
}

/// Behind one origin there may be a path that accepts and one that does not.
#[test]
fn nothing_but_time_or_a_login_makes_the_storm_guard_forget() {
    let mut machine = session();
    storm(&mut machine);
    let plan = started(machine.force(at(300)));
    assert_eq!(refused_with(machine.refused(refusal(&machine), at(301))), ErrorKind::Futile);
    assert!(uses(&machine.usable(Some(API), at(301))), "the token is not spoilt during a renewal either");
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(302), 0);
    assert_eq!(disappoint(&mut machine, API, 400), Some(ErrorKind::Futile));
    login(&mut machine, Some(HOUR), at(400));
    store(&mut machine, at(400));
    assert_eq!(disappoint(&mut machine, API, 420), None);
}

#[test]
fn another_processs_login_makes_the_storm_guard_forget_too() {
    let mut machine = session();
    storm(&mut machine);
    let plan = started(machine.force(at(300)));
    let theirs = reset(plan.known.as_deref(), Some(tokens(at(290).wall, Some(HOUR))), at(290));
    machine.finish(&plan, found(theirs, 999, at(300)), at(300), 0);
    assert_eq!(disappoint(&mut machine, API, 400), None);
}

#[test]
fn a_refusal_that_follows_no_replay_is_no_strike() {
    let mut machine = logged_in(policy(|policy| policy.storm_limit = 1), Some(HOUR));
    let refused = refusal(&machine);
    assert_eq!(refused_with(machine.refused(refused, at(5))), ErrorKind::FreshRefused);
    started(machine.refused(refused, at(60)));
    // Nor is that of another request with the same token.
    assert!(matches!(machine.refused(refused, at(60)), Decision::Join { work: Work::Refresh, .. }));
}

#[test]
fn a_refusal_long_after_the_refresh_is_no_strike() {
    let mut machine = logged_in(policy(|policy| policy.storm_limit = 1), Some(HOUR));
    for (second, young) in [(60, false), (140, true)] {
        // Renewed for another reason than its refusal.
        let plan = started(machine.force(at(second)));
        machine.finish(&plan, obtained(&plan, Some(HOUR)), at(second), 0);
        let replayed = refusal(&machine).after_replays(1);
        machine.refused(replayed, at(second + if young { 39 } else { 40 }));
        let decision = machine.refused(refusal(&machine), at(second + 60));
        assert_eq!(matches!(decision, Decision::Refuse(_)), young);
        if let Decision::Start(_) = decision {
            let plan = started(decision);
            machine.finish(&plan, obtained(&plan, Some(HOUR)), at(second + 60), 0);
        }
    }
}

/// Requests that are never sent again, and a server that is slow to refuse: what counts is that it
/// refuses one token after the other, and neither has had the time to run out.
#[test]
fn an_origin_that_refuses_one_token_after_the_other_is_struck_until_it_accepts_one() {
    for (after, accepts, struck) in [(60, false, true), (60, true, false), (1700, false, true), (1800, false, false)] {
        let mut machine = logged_in(policy(|policy| policy.storm_limit = 1), Some(HOUR));
        let plan = started(machine.refused(refusal(&machine), at(100)));
        machine.finish(&plan, obtained(&plan, Some(HOUR)), at(100), 0);
        if accepts {
            machine.accepted(API);
        }
        let decision = machine.refused(refusal(&machine), at(100 + after));
        assert_eq!(matches!(decision, Decision::Refuse(_)), struck, "{after} {accepts}");
    }
}

/// A path that accepts does not speak for one that refuses, whichever of the two was refused first.
#[test]
fn a_refusal_that_its_caller_has_back_is_not_forgiven_by_what_is_sent_again() {
    for (first, second, struck) in [(true, false, true), (false, true, true), (true, true, true), (false, false, false)]
    {
        let mut machine = logged_in(policy(|policy| policy.storm_limit = 1), Some(HOUR));
        let refused = |machine: &Session, returned| match returned {
            true => refusal(machine).returned(),
            false => refusal(machine),
        };
        let plan = started(machine.refused(refused(&machine, first), at(100)));
        machine.refused(refused(&machine, second), at(100));
        machine.finish(&plan, obtained(&plan, Some(HOUR)), at(100), 0);
        machine.accepted(API);
        let decision = machine.refused(refusal(&machine), at(160));
        assert_eq!(matches!(decision, Decision::Refuse(_)), struck, "{first} {second}");
    }
}

/// That its refusal is no reason to refresh is another matter.
#[test]
fn a_fresh_token_is_struck_too_by_the_origin_that_has_refused_the_one_before() {
    let mut machine = logged_in(policy(|policy| policy.storm_limit = 1), Some(HOUR));
    let plan = started(machine.refused(refusal(&machine), at(100)));
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(100), 0);
    for kind in [ErrorKind::FreshRefused, ErrorKind::Futile] {
        assert_eq!(refused_with(machine.refused(refusal(&machine), at(105))), kind);
    }
    assert_eq!(refused_with(machine.refused(refused_by(&machine, OTHER), at(105))), ErrorKind::FreshRefused);
}

/// Where no token counts as fresh, a replay's refusal is one all the same.
#[test]
fn without_a_fresh_window_a_replay_that_is_refused_is_a_strike() {
    let settings = policy(|policy| (policy.storm_limit, policy.fresh_window) = (1, secs(0)));
    for (second, young) in [(101, true), (139, true), (140, false)] {
        let mut machine = logged_in(settings.clone(), None);
        let plan = started(machine.force(at(100)));
        machine.finish(&plan, obtained(&plan, None), at(100), 0);
        machine.refused(refusal(&machine).after_replays(1), at(second));
        let decision = machine.refused(refusal(&machine), at(150));
        assert_eq!(matches!(decision, Decision::Refuse(_)), young, "at {second}: {decision:?}");
    }
}

#[test]
fn the_guard_remembers_sixty_four_origins() {
    let mut machine = logged_in(policy(|policy| policy.storm_limit = 1), Some(HOUR));
    for number in 0..64 {
        assert_eq!(disappoint(&mut machine, origin(number), 60 + 20 * number), None);
    }
    let now = 60 + 20 * 63 + 20;
    assert!((36..64).all(|number| disappoint(&mut machine.clone(), origin(number), now).is_some()));
    let policy = policy(|policy| (policy.storm_limit, policy.storm_window) = (1, YEAR));
    let mut machine = logged_in(policy, Some(HOUR));
    for number in 0..65 {
        disappoint(&mut machine, origin(number), 60 + 20 * number);
    }
    let forgotten = (0..65).filter(|number| disappoint(&mut machine.clone(), origin(*number), 1400).is_none());
    assert_eq!(forgotten.collect::<Vec<_>>(), [0]);
}

#[test]
fn the_same_token_again_makes_its_refusal_futile_each_time_for_twice_as_long() {
    let mut machine = session();
    let mut now = 60;
    for wait in [10, 20, 40, 80, 160, 320, 600, 600] {
        let refused = refusal(&machine);
        let plan = started(machine.refused(refused, at(now)));
        machine.finish(&plan, the_same_again(&plan, Some(HOUR)), at(now), 0);
        assert_eq!(machine.generation(), plan.generation, "it is no other token");
        assert_eq!(refused_with(machine.refused(refused, at(now + wait - 1))), ErrorKind::Futile, "{wait} s");
        // It is no matter of other origins, nor of another token.
        let mut other = machine.clone();
        started(other.refused(refused_by(&machine, OTHER), at(now + wait)));
        let mut newer = machine.clone();
        let plan = started(newer.force(at(now + 1)));
        newer.finish(&plan, obtained(&plan, Some(HOUR)), at(now + 1), 0);
        assert!(matches!(newer.refused(refusal(&newer), at(now + 11)), Decision::Start(_)));
        now += wait;
    }
}

/// Not less than the backoff or the time a token is fresh; not more than the storm window.
#[test]
fn how_long_a_repeated_token_rests_follows_the_settings() {
    for (fresh, base, window, rest) in [(0, 7, 600, 7), (5, 1, 600, 5), (5, 9, 3, 3)] {
        let mut machine = logged_in(
            policy(|policy| {
                (policy.fresh_window, policy.backoff_base) = (secs(fresh), secs(base));
                policy.storm_window = secs(window);
            }),
            Some(HOUR),
        );
        let refused = refusal(&machine);
        let plan = started(machine.refused(refused, at(60)));
        machine.finish(&plan, the_same_again(&plan, Some(HOUR)), at(60), 0);
        assert_eq!(refused_with(machine.refused(refused, at(59 + rest))), ErrorKind::Futile);
        let decision = machine.refused(refused, at(60 + rest));
        assert!(!matches!(&decision, Decision::Refuse(error) if *error.kind() == ErrorKind::Futile), "{decision:?}");
    }
}
