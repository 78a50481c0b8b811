//! The authorization server ends the session; its access token may live on.

use tokenflight_core::EndReason;

use crate::tables::*;

fn is_ended(decision: Decision) -> bool {
    matches!(refused_with(decision), ErrorKind::Ended(reason) if reason.code() == "invalid_grant")
}

/// Ended by its renewal at second 3000; its token lives until 3600.
fn ended_in_lead() -> Session {
    let mut machine = session();
    let plan = machine.tick(at(3000)).refresh.expect("a renewal");
    let events = told(&mut machine, |machine| {
        assert!(matches!(machine.finish(&plan, ended(&plan), at(3000), 0), Finish::Failed(_)));
    });
    assert!(matches!(&events[..], [Event::Ended { reason }] if reason.code() == "invalid_grant"), "{events:?}");
    machine
}

#[test]
fn an_end_is_sticky_and_asks_for_nothing() {
    let mut machine = session();
    let plan = started(machine.usable(None, at(3600)));
    machine.finish(&plan, ended(&plan), at(3600), 0);
    assert_eq!(machine.token(), None, "nothing is kept of what has run out");
    for second in [3600, 3601, 100_000, 1_000_000_000] {
        let refused = refusal(&machine);
        assert!(is_ended(machine.usable(None, at(second))));
        assert!(is_ended(machine.lasting(secs(9), None, at(second))));
        assert!(is_ended(machine.refused(refused, at(second))));
        assert!(is_ended(machine.force(at(second))));
        let tick = machine.tick(at(second));
        assert!(tick.refresh.is_none() && tick.next.is_none(), "nothing is left to do");
    }
}

#[test]
fn a_living_token_is_served_after_the_end_until_its_own_and_nothing_is_presented() {
    let mut machine = ended_in_lead();
    assert!(machine.over().is_some_and(Error::is_ended));
    for second in [3000, 3599] {
        for origin in [None, Some(API)] {
            assert!(just_use(&machine.usable(origin, at(second))));
            assert!(just_use(&machine.lasting(HOUR, origin, at(second))));
        }
        assert!(machine.offer(false, at(second)).is_some() && machine.token().is_some());
        assert!(is_ended(machine.force(at(second))));
        let tick = machine.tick(at(second));
        assert!(tick.refresh.is_none() && tick.next == Some(HOUR), "{tick:?}");
    }
    assert!(is_ended(machine.usable(None, at(3600))) && machine.offer(true, at(3600)).is_none());
}

#[test]
fn the_first_refusal_after_the_end_takes_it_from_everyone() {
    let mut machine = ended_in_lead();
    let old = Refused::new(machine.login_id(), Default::default(), Some(OTHER));
    assert!(just_use(&machine.refused(old, at(3001))), "an older token's refusal says nothing about this one");
    let events = told(&mut machine, |machine| assert!(is_ended(machine.refused(refusal(machine), at(3001)))));
    assert_eq!(names(&events), [""; 0]);
    for origin in [None, Some(API), Some(OTHER)] {
        assert!(is_ended(machine.usable(origin, at(3002))) && !machine.has_usable(origin, at(3002)));
    }
    assert_eq!(machine.tick(at(3002)).next, None);
}

#[test]
fn a_token_that_was_refused_before_the_end_is_not_served_after_it() {
    let mut machine = session();
    let plan = started(machine.refused(refusal(&machine), at(60)));
    machine.finish(&plan, ended(&plan), at(61), 0);
    assert!(is_ended(machine.usable(Some(OTHER), at(61))));
}

/// Another process has found the end, and stored it.
#[test]
fn an_end_found_in_the_store_leaves_its_token_usable_here_too() {
    for (at_second, lives) in [(3000, true), (3600, false)] {
        let mut machine = machine(Policy::default());
        let plan = started(machine.usable(None, at(at_second)));
        let entry = ended_entry(&committed(None, Some(HOUR), at(0)), at(3000));
        let outcome = match lives {
            true => found(entry, 1, at(at_second)),
            false => Outcome::Found { entry: Some(Arc::new(entry)), token: None },
        };
        let events = told(&mut machine, |machine| {
            let finish = machine.finish(&plan, outcome, at(at_second), 0);
            assert_eq!(matches!(finish, Finish::Adopted), lives);
        });
        assert_eq!(names(&events), ["ended"]);
        assert_eq!(machine.has_usable(None, at(at_second)), lives);
        assert!(is_ended(machine.usable(None, at(3600))) && is_ended(machine.force(at(at_second))));
    }
}

fn reloaded(machine: &mut Session, outcome: impl FnOnce(&Plan) -> Outcome<u32>) -> Vec<&'static str> {
    let events = told(machine, |machine| machine.reload(at(3000)));
    assert_eq!(names(&events), [""; 0]);
    let plan = started(machine.usable(None, at(3700)));
    assert_eq!(plan.reason, Reason::Load);
    let outcome = outcome(&plan);
    names(&told(machine, |machine| machine.finish(&plan, outcome, at(3700), 0)))
}

#[test]
fn only_a_login_or_another_look_into_the_store_lifts_an_end() {
    let mut machine = ended_in_lead();
    let mut other = machine.clone();
    let before = machine.login_id();
    login(&mut machine, Some(HOUR), at(3601));
    store(&mut machine, at(3601));
    assert!(just_use(&machine.usable(None, at(3601))) && machine.over().is_none());
    // Another process has logged in, and this one is told to look.
    let events = reloaded(&mut other, |plan| {
        found(reset(plan.known.as_deref(), Some(tokens(at(3650).wall, Some(HOUR))), at(3650)), 9, at(3700))
    });
    assert_eq!(events, ["login"]);
    assert!(just_use(&other.usable(None, at(3700))) && other.login_id() == before.next());
}

#[test]
fn an_end_is_told_once_also_over_reloads() {
    let mut machine = ended_in_lead();
    for _ in 0..3 {
        let again = |plan: &Plan| Outcome::Found { entry: plan.known.clone(), token: None };
        assert_eq!(reloaded(&mut machine, again), [""; 0]);
        assert!(is_ended(machine.usable(None, at(3700))));
    }
    // A logout is another matter.
    assert_eq!(
        reloaded(&mut machine, |plan| found(reset(plan.known.as_deref(), None, at(3650)), 0, at(3700))),
        ["logout"]
    );
}

#[test]
fn a_reload_lifts_nothing_but_an_end() {
    let mut machine = session();
    machine.reload(at(10));
    assert!(just_use(&machine.usable(None, at(10))));
    machine.logout(at(10));
    machine.reload(at(10));
    assert_eq!(refused_with(machine.usable(None, at(10))), ErrorKind::LoggedOut, "what is not stored counts");
    store(&mut machine, at(10));
    machine.reload(at(10));
    assert_eq!(started(machine.usable(None, at(10))).reason, Reason::Load);
}

/// So is a token that has run out, if there is nothing to renew it with.
#[test]
fn a_reload_lifts_that_a_dead_token_cannot_be_renewed() {
    let tokens = unrefreshable(tokens(at(0).wall, Some(HOUR)));
    let mut machine = machine(Policy::default());
    machine.login(Some(1), Times::new(at(0), Some(HOUR)), tokens, at(0), 0);
    store(&mut machine, at(0));
    machine.reload(at(3599));
    assert!(!machine.is_unloaded() && just_use(&machine.usable(None, at(3599))), "it lives");
    assert_eq!(refused_with(machine.usable(None, at(3600))), ErrorKind::NoRefreshToken);
    machine.reload(at(3600));
    assert_eq!(started(machine.usable(None, at(3600))).reason, Reason::Load);
    let mut renewable = session();
    renewable.reload(at(3600));
    assert_eq!(started(renewable.usable(None, at(3600))).reason, Reason::Due);
}

/// The user asked for what the store holds, and a session not over has nothing to be asked for.
#[test]
fn a_load_waits_for_the_store_although_a_token_lives_and_uses_that_if_it_cannot_be_read() {
    assert!(just_use(&session().load(at(10))));
    let mut machine = ended_in_lead();
    machine.reload(at(3000));
    let plan = started(machine.load(at(3000)));
    assert_eq!(plan.reason, Reason::Load);
    assert!(matches!(machine.load(at(3000)), Decision::Join { work: Work::Refresh, .. }));
    machine.finish(&plan, failure(GrantError::throttled(Some(HOUR))), at(3000), ALL);
    assert!(just_use(&machine.load(at(3000))));
    let look = after_a_look(&mut machine, at(3600), |machine| machine.load(at(3600)));
    assert_eq!(refused_with(look), ErrorKind::Refresh(FailureClass::Throttled), "nothing lives any more");
}

#[test]
fn a_reload_does_not_wait_for_a_backoff() {
    let mut machine = ended_in_lead();
    machine.reload(at(3000));
    let plan = started(machine.usable(None, at(3700)));
    machine.finish(&plan, failure(GrantError::new(FailureClass::NotSent)), at(3700), ALL);
    assert!(matches!(machine.usable(None, at(3700)), Decision::Refuse(_)));
    started(machine.usable(None, at(3701)));
}

/// A reload lifts the end; a living access token is of use until the store has been read and after.
#[test]
fn a_reload_leaves_what_lives_of_an_ended_session() {
    let mut machine = ended_in_lead();
    machine.reload(at(3000));
    let plan = started(machine.usable(None, at(3000)));
    assert!(machine.has_usable(None, at(3000)));
    machine.finish(&plan, failure(GrantError::new(FailureClass::NotSent)), at(3000), ALL);
    assert!(just_use(&machine.usable(None, at(3000))), "it cannot be read now");
    let plan = started(machine.usable(None, at(3002)));
    machine.finish(&plan, Outcome::Found { entry: plan.known.clone(), token: None }, at(3002), 0);
    assert!(machine.over().is_some() && just_use(&machine.usable(None, at(3002))));
    machine.reload(at(3002));
    let mut other = machine.clone();
    other.refused(Refused::new(machine.login_id(), Generation::default(), Some(API)), at(3003));
    assert!(other.has_usable(None, at(3003)), "an older token's refusal says nothing about this one");
    let refusal = refusal(&machine);
    assert_eq!(started(machine.refused(refusal, at(3003))).reason, Reason::Load);
    assert!(!machine.has_usable(None, at(3003)), "refused is refused");
}

/// Its login has replaced ours in the store; ours is no token of that one.
#[test]
fn the_token_of_the_login_before_is_not_served_for_a_login_that_was_found_and_ended_at_once() {
    let mut machine = session();
    let plan = started(machine.force(at(100)));
    let theirs = reset(plan.known.as_deref(), Some(tokens(at(0).wall, Some(secs(50)))), at(50));
    let outcome = Outcome::Ended {
        entry: Arc::new(ended_entry(&theirs, at(100))),
        error: Error::new(ErrorKind::Ended(EndReason::new("invalid_grant"))),
    };
    let before = machine.login_id();
    machine.finish(&plan, outcome, at(101), 0);
    assert_eq!(machine.login_id(), before.next());
    assert!(is_ended(machine.usable(None, at(101))) && machine.token().is_none());
}

#[test]
fn an_entry_without_an_access_token_is_no_reason_to_spin() {
    let mut machine = machine(Policy::default());
    let plan = started(machine.usable(None, at(0)));
    let entry: Entry = committed(None, Some(HOUR), at(0));
    let outcome = Outcome::Found { entry: Some(Arc::new(entry)), token: None };
    machine.finish(&plan, outcome, at(0), ALL);
    let tick = machine.tick(at(0));
    assert!(tick.refresh.is_none() && tick.next.is_some(), "{tick:?}");
    assert_eq!(refused_with(machine.usable(None, at(0))), ErrorKind::Store);
}
