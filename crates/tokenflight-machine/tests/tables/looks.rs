//! Looks into the store while the authorization server is left alone.

use tokenflight_machine::Reconcile;

use crate::tables::*;

/// The token is dead, and the server wants to be left alone for an hour.
fn told_to_wait(mut machine: Session) -> Session {
    let plan = started(machine.usable(None, at(3600)));
    machine.finish(&plan, failure(GrantError::throttled(Some(HOUR))), at(3600), ALL);
    machine
}

fn nothing() -> Outcome<u32> {
    Outcome::KeptBack { error: Error::new(ErrorKind::Refresh(FailureClass::Ambiguous)) }
}

/// When callers that ask every tenth of a second look, in tenths after the failure.
fn looks(machine: &mut Session, tenths: u64, outcome: impl Fn() -> Outcome<u32>) -> Vec<u64> {
    let mut looks = Vec::new();
    for tenth in 0..tenths {
        let now = moment(secs(3600) + millis(tenth * 100));
        match machine.usable(None, now) {
            Decision::Refuse(error) => assert_eq!(*error.kind(), ErrorKind::Refresh(FailureClass::Throttled)),
            decision => {
                let plan = started(decision);
                assert_eq!((plan.looks, plan.reason), (true, Reason::Load));
                machine.finish(&plan, outcome(), now, ALL);
                looks.push(tenth);
            }
        }
    }
    looks
}

#[test]
fn callers_look_ever_more_seldom_while_the_server_is_left_alone() {
    // With a token that is dead, and with none at all.
    for machine in [session(), machine(Policy::default())] {
        assert_eq!(looks(&mut told_to_wait(machine), 240, nothing), [5, 15, 35, 75, 125, 175, 225]);
    }
}

/// The server is asked when it said, neither sooner nor later.
#[test]
fn a_look_that_finds_nothing_changes_nothing_else() {
    let mut machine = told_to_wait(session());
    let next = machine.tick(at(3600)).next;
    let now = moment(secs(3601));
    let plan = started(machine.usable(None, now));
    let events = told(&mut machine, |machine| drop(machine.finish(&plan, nothing(), now, ALL)));
    assert_eq!(names(&events), [""; 0]);
    assert_eq!(machine.tick(now).next, next);
    assert!(!started(machine.usable(None, at(7200))).looks);
}

/// A caller that has a token neither starts a look nor waits for one, however it was refused.
#[test]
fn a_caller_with_a_usable_token_waits_for_no_look() {
    let mut machine = session();
    let plan = started(machine.refused(refusal(&machine), at(3000)));
    machine.finish(&plan, failure(GrantError::throttled(Some(HOUR))), at(3000), ALL);
    assert!(just_use(&machine.usable(Some(OTHER), at(3001))));
    assert!(just_use(&machine.lasting(HOUR, Some(OTHER), at(3001))));
    let look = started(machine.usable(Some(API), at(3001)));
    assert!(look.looks);
    assert!(uses(&machine.usable(Some(OTHER), at(3001))) && uses(&machine.lasting(HOUR, Some(OTHER), at(3001))));
}

/// It does bring a newer token, before the waiting time is over.
#[test]
fn a_forced_refresh_that_follows_a_look_is_waited_for_again() {
    let mut machine = session();
    let plan = started(machine.refused(refusal(&machine), at(3000)));
    machine.finish(&plan, failed(FailureClass::Interaction), at(3000), ALL);
    let look = started(machine.usable(Some(API), at(3001)));
    assert!(look.looks && uses(&machine.usable(Some(OTHER), at(3001))));
    machine.finish(&look, nothing(), at(3001), ALL);
    assert!(!started(machine.force(at(3002))).looks);
    assert!(matches!(machine.usable(Some(OTHER), at(3002)), Decision::Join { work: Work::Refresh, .. }));
}

/// The server has told this client when to come again.
#[test]
fn what_another_process_has_obtained_does_not_lift_the_time_that_the_server_has_named() {
    let mut machine = told_to_wait(session());
    let plan = started(machine.usable(None, at(3601)));
    let entry = committed(plan.known.as_deref(), Some(secs(10)), at(3600));
    machine.finish(&plan, found(entry, 7, at(3601)), at(3601), 0);
    let look = started(machine.usable(None, at(3700)));
    assert!(look.looks);
    machine.finish(&look, nothing(), at(3700), 0);
    assert!(!started(machine.force(at(7201))).looks);
}

/// A forced refresh cannot skip such a time, so it looks as the others do.
#[test]
fn a_forced_refresh_looks_while_the_server_has_named_a_time() {
    let mut machine = told_to_wait(session());
    assert!(started(machine.force(at(3601))).looks);
}

#[test]
fn a_look_finds_what_another_process_has_obtained() {
    let mut machine = told_to_wait(session());
    let plan = started(machine.usable(None, at(3601)));
    let entry = committed(plan.known.as_deref(), Some(HOUR), at(3600));
    machine.finish(&plan, found(entry, 7, at(3601)), at(3601), 0);
    assert!(uses(&machine.usable(None, at(3601))));
    assert_eq!(machine.token(), Some(&7));
}

/// A store that hangs would hold up each of them for as long as an answer may take.
#[test]
fn after_a_look_that_failed_the_store_is_left_alone_for_half_a_minute() {
    let broken = || Outcome::Failed {
        class: FailureClass::NotSent,
        error: Error::new(ErrorKind::Store),
        in_doubt: None,
        rotated: None,
    };
    assert_eq!(looks(&mut told_to_wait(session()), 640, broken), [5, 305, 605]);
}

/// What a look meets is judged as by every refresh, but it claims nothing and writes nothing back.
#[test]
fn a_look_presents_nothing() {
    let mut machine = told_to_wait(session());
    let plan = started(machine.usable(None, at(3601)));
    let facts = Facts::in_process();
    let judged = |plan: &Plan| {
        let seen = tokenflight_core::store::Seen::new(plan.known.as_deref().cloned(), facts);
        machine.rules().reconcile(plan, &seen, at(3601))
    };
    assert!(matches!(judged(&plan), Reconcile::KeptBack));
    let mut other = plan.clone();
    other.looks = false;
    assert!(matches!(judged(&other), Reconcile::Claim { .. }));
}

/// Within a grace window a caller waits for the next attempt, and looks meanwhile.
#[test]
fn a_caller_that_waits_for_the_next_attempt_looks_meanwhile() {
    let grace = policy(|policy| policy.reuse_policy = Some(ReusePolicy::Grace { window: secs(60) }));
    let mut machine = logged_in(grace, Some(HOUR));
    let plan = started(machine.usable(None, at(3600)));
    machine.finish(&plan, lost(secs(3600)), at(3600), ALL);
    let until = machine.retries_at(at(3600)).expect("another attempt");
    assert!(until > secs(3605), "{until:?}");
    let Decision::Wait { until } = machine.usable(None, at(3600)) else { panic!("it does not wait") };
    assert_eq!(until, secs(3600) + millis(500));
    let plan = started(machine.usable(None, moment(until)));
    assert!(plan.looks);
    machine.finish(&plan, nothing(), moment(until), ALL);
    let Decision::Wait { until } = machine.usable(None, moment(until)) else { panic!("it does not wait") };
    assert_eq!(until, secs(3600) + millis(1500));
}

#[test]
fn nothing_is_looked_for_where_there_is_nothing_to_see() {
    let rules = |change: fn(&mut Rules)| {
        let mut rules = Rules::new(Policy::default()).expect("a sane policy");
        change(&mut rules);
        let mut machine: Session = Machine::new(Arc::new(rules));
        login(&mut machine, Some(HOUR), at(0));
        if machine.rules().role == Role::Alone {
            store(&mut machine, at(0));
        }
        machine
    };
    // No other process writes it; or what it holds is another session's affair.
    for change in [|rules: &mut Rules| rules.private_store = true, |rules: &mut Rules| rules.role = Role::Audience] {
        assert_eq!(looks(&mut told_to_wait(rules(change)), 100, nothing), [0; 0]);
    }
    // The store is what has failed.
    let mut machine = session();
    let plan = started(machine.usable(None, at(3600)));
    let error = Error::with_source(ErrorKind::Store, "down");
    let outcome = Outcome::Failed { class: FailureClass::NotSent, error, in_doubt: None, rotated: None };
    machine.finish(&plan, outcome, at(3600), ALL);
    assert_eq!(refused_with(machine.usable(None, moment(secs(3600) + millis(900)))), ErrorKind::Store);
    // There is a token that will do.
    let mut machine = session();
    let plan = machine.tick(at(3000)).refresh.expect("a renewal");
    machine.finish(&plan, failed(FailureClass::Throttled), at(3000), ALL);
    assert!(matches!(machine.usable(None, moment(secs(3000) + millis(600))), Decision::Use { beside: None }));
    assert!(
        matches!(machine.force(moment(secs(3000) + millis(600))), Decision::Start(_)),
        "a forced one skips the wait"
    );
    // The first failure of a look says nothing about the store: a panic of ours, say.
    let mut machine = told_to_wait(session());
    let plan = started(machine.usable(None, at(3601)));
    machine.crash(&plan, &Error::new(ErrorKind::Closed));
    assert_eq!(refused_with(machine.usable(None, at(3630))), ErrorKind::Refresh(FailureClass::Throttled));
    assert!(machine.tick(at(3630)).next > Some(secs(7000)));
}
