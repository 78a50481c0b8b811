//! What a failed refresh leaves behind.

use crate::tables::*;

const CLASSES: [FailureClass; 5] = [
    FailureClass::NotSent,
    FailureClass::Throttled,
    FailureClass::Ambiguous,
    FailureClass::Config,
    FailureClass::Interaction,
];

/// A session that lives for an hour, in its lead: renewal has been due since second 2520.
const IN_LEAD: u64 = 3000;
const DEAD: u64 = 3600;

/// The driver's renewal in the lead ended so.
fn after(outcome: Outcome<u32>) -> Session {
    let mut machine = session();
    let plan = machine.tick(at(IN_LEAD)).refresh.expect("a renewal");
    machine.finish(&plan, outcome, at(IN_LEAD), ALL);
    machine
}

#[test]
fn the_current_token_is_served_whatever_the_class_of_the_failure() {
    for class in CLASSES {
        let mut machine = after(failed(class));
        assert!(just_use(&machine.usable(None, at(IN_LEAD))), "{class:?}");
        assert!(uses(&machine.usable(None, at(DEAD - 1))), "{class:?}");
    }
}

/// One that comes between the failure and the next attempt sees the failure.
#[test]
fn without_a_usable_token_the_last_failure_is_the_answer_until_its_backoff_is_over() {
    for class in CLASSES {
        let mut machine = session();
        let plan = started(machine.usable(None, at(DEAD)));
        machine.finish(&plan, failed(class), at(DEAD), ALL);
        assert_eq!(refused_with(machine.usable(None, at(DEAD))), ErrorKind::Refresh(class));
        assert_eq!(started(machine.usable(None, at(DEAD + 300))).reason, Reason::Due);
    }
}

/// Fails whenever it may, and says after what time that was again.
fn ladder(class: FailureClass, policy: Policy, steps: usize) -> Vec<u128> {
    let mut machine = logged_in(policy, Some(HOUR));
    let mut now = at(DEAD);
    let mut step = || {
        let plan = started(machine.usable(None, now));
        machine.finish(&plan, failed(class), now, ALL);
        let until = machine.tick(now).next.expect("a next attempt");
        let almost = moment(until - Duration::from_nanos(1));
        let early = after_a_look(&mut machine, almost, |machine| machine.usable(None, almost));
        assert!(matches!(early, Decision::Refuse(_)));
        let waited = until - now.boot;
        now = moment(until);
        (waited + millis(1)).as_millis() / 10 * 10
    };
    (0..steps).map(|_| step()).collect()
}

#[test]
fn backoff_doubles_from_one_second_to_five_minutes() {
    let seconds = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300];
    assert_eq!(ladder(FailureClass::NotSent, Policy::default(), 12), seconds.map(|seconds| 1000 * seconds));
    let own = policy(|policy| (policy.backoff_base, policy.backoff_cap) = (secs(3), secs(10)));
    assert_eq!(ladder(FailureClass::NotSent, own, 3), [3000, 6000, 10_000]);
}

#[test]
fn what_only_time_or_a_person_helps_against_waits_the_longest_time_at_once() {
    for class in [FailureClass::Interaction, FailureClass::Terminal] {
        assert_eq!(ladder(class, Policy::default(), 2), [300_000, 300_000], "{class:?}");
    }
}

#[test]
fn jitter_is_full_but_no_attempt_follows_a_failure_within_ten_milliseconds() {
    for (random, wait) in [(0, millis(10)), (u64::MAX / 2, millis(500))] {
        let mut machine = session();
        let plan = started(machine.usable(None, at(DEAD)));
        machine.finish(&plan, failed(FailureClass::NotSent), at(DEAD), random);
        let next = machine.tick(at(DEAD)).next.expect("a next attempt");
        assert!((next - secs(DEAD)).abs_diff(wait) < Duration::from_micros(1), "{next:?}");
        started(machine.usable(None, moment(next)));
    }
}

#[test]
fn a_success_ends_the_backoff() {
    let mut machine = session();
    let mut now = at(DEAD);
    for _ in 0..6 {
        let plan = started(machine.usable(None, now));
        machine.finish(&plan, failed(FailureClass::NotSent), now, ALL);
        now = moment(now.boot + secs(300));
    }
    let plan = started(machine.usable(None, now));
    machine.finish(&plan, obtained(&plan, Some(HOUR)), now, 0);
    let plan = started(machine.force(moment(now.boot + secs(100))));
    machine.finish(&plan, failed(FailureClass::NotSent), moment(now.boot + secs(100)), ALL);
    // The ladder begins again at its first rung.
    started(machine.force(moment(now.boot + secs(101))));
}

/// Of another process, too, unless the server has named a time; and once that is over.
#[test]
fn a_token_set_ends_the_backoff_wherever_it_came_from() {
    let mut machine = session();
    let plan = started(machine.usable(None, at(DEAD)));
    machine.finish(&plan, failed(FailureClass::Interaction), at(DEAD), ALL);
    let look = started(machine.usable(None, at(DEAD + 1)));
    let entry = committed(look.known.as_deref(), Some(secs(10)), at(DEAD + 1));
    machine.finish(&look, found(entry, 7, at(DEAD + 1)), at(DEAD + 1), 0);
    let plan = started(machine.usable(None, at(DEAD + 11)));
    assert!(!plan.looks, "five minutes are not over, and are waited for no more");
    machine.finish(&plan, failure(GrantError::throttled(Some(secs(10)))), at(DEAD + 11), ALL);
    let plan = started(machine.usable(None, at(DEAD + 21)));
    machine.finish(&plan, obtained(&plan, Some(secs(10))), at(DEAD + 21), 0);
    let plan = started(machine.usable(None, at(DEAD + 31)));
    machine.finish(&plan, failed(FailureClass::NotSent), at(DEAD + 31), ALL);
    assert!(!started(machine.usable(None, at(DEAD + 32))).looks, "the first rung of the ladder");
}

#[test]
fn a_login_ends_backoff_and_end_alike() {
    let outcomes = [|_: &_| failed(FailureClass::Throttled), |_: &_| failure(GrantError::throttled(Some(HOUR))), ended];
    for outcome in outcomes {
        let mut machine = session();
        let plan = started(machine.usable(None, at(DEAD)));
        machine.finish(&plan, outcome(&plan), at(DEAD), ALL);
        assert!(matches!(machine.usable(None, at(DEAD)), Decision::Refuse(_)));
        login(&mut machine, Some(secs(10)), at(DEAD));
        store(&mut machine, at(DEAD));
        assert!(just_use(&machine.usable(None, at(DEAD))));
        started(machine.usable(None, at(DEAD + 10)));
    }
}

#[test]
fn retry_after_is_kept_between_a_second_and_an_hour_and_no_caller_skips_it() {
    let rows = [
        (Duration::ZERO, secs(1)),
        (secs(1), secs(1)),
        (secs(120), secs(120)),
        (HOUR, HOUR),
        (HOUR + secs(1), HOUR),
        (Duration::MAX, HOUR),
    ];
    // A 503 is ambiguous, and its `Retry-After` counts all the same.
    for class in [FailureClass::Throttled, FailureClass::Ambiguous, FailureClass::Interaction] {
        for (asked, kept) in rows {
            let mut machine = session();
            let plan = started(machine.usable(None, at(DEAD)));
            machine.finish(&plan, failure(GrantError::new(class).retry_after(asked)), at(DEAD), 0);
            let almost = moment(secs(DEAD) + kept - Duration::from_nanos(1));
            let early = after_a_look(&mut machine, almost, |machine| machine.usable(None, almost));
            assert_eq!(refused_with(early), ErrorKind::Refresh(class), "{asked:?}");
            assert_eq!(refused_with(machine.force(almost)), ErrorKind::Refresh(class), "{asked:?}");
            assert!(machine.tick(almost).refresh.is_none());
            started(machine.usable(None, moment(secs(DEAD) + kept)));
        }
    }
}

/// It came in an answer that could not be used otherwise.
#[test]
fn a_rotated_refresh_token_is_kept_and_not_in_doubt() {
    let mut machine = session();
    let plan = machine.tick(at(IN_LEAD)).refresh.expect("a renewal");
    let error = Error::failed(GrantError::ambiguous("an answer without an access token"));
    let outcome = |saved| Outcome::Failed {
        class: FailureClass::Ambiguous,
        error: error.clone(),
        in_doubt: Some(secs(IN_LEAD)),
        rotated: Some(saved),
    };
    let mut other = machine.clone();
    let entry = Arc::new(committed(plan.known.as_deref(), None, at(IN_LEAD)));
    machine.finish(&plan, outcome(Saved::Stored(Arc::clone(&entry))), at(IN_LEAD), ALL);
    assert_eq!((machine.generation(), machine.known()), (plan.generation, Some(&entry)));
    assert_eq!(machine.tick(at(IN_LEAD + 1)).refresh.map(|plan| plan.reason), Some(Reason::Due));
    // Where it could not be stored, that comes first.
    let op = commit(plan.known.as_deref(), None, at(IN_LEAD));
    other.finish(&plan, outcome(Saved::Unsaved { op, error: error.clone() }), at(IN_LEAD), ALL);
    let tick = other.tick(at(IN_LEAD + 1));
    assert!(tick.refresh.is_none() && tick.write.is_some(), "{tick:?}");
    store(&mut other, at(IN_LEAD + 1));
    assert!(other.tick(at(IN_LEAD + 1)).refresh.is_some());
}

/// Perhaps it is the clock that panics.
#[test]
fn a_refresh_that_panics_frees_its_place_and_leaves_its_token_in_doubt() {
    let mut machine = session();
    let plan = started(machine.force(at(100)));
    let error = Error::new(ErrorKind::Refresh(FailureClass::Ambiguous));
    let events = told(&mut machine, |machine| machine.crash(&plan, &error));
    assert!(matches!(&events[..], [Event::RefreshFailed { error: told, .. }] if told.same_as(&error)), "{events:?}");
    assert_eq!(machine.running(Work::Refresh), None);
    assert!(just_use(&machine.usable(None, at(100))));
    // Strict: not presented while the access token lives, not even by force.
    for second in [100, 3000] {
        assert_eq!(refused_with(machine.force(at(second))), ErrorKind::Refresh(FailureClass::Ambiguous));
        assert!(machine.tick(at(second)).refresh.is_none());
    }
    // Nor in the same moment, if there is no such token.
    let plan = started(machine.usable(None, at(DEAD)));
    machine.crash(&plan, &error);
    assert_eq!(refused_with(machine.usable(None, at(DEAD))), ErrorKind::Refresh(FailureClass::Ambiguous));
    started(machine.usable(None, at(DEAD + 2)));
}

#[test]
fn the_users_force_skips_the_waiting_once_in_ten_seconds() {
    let mut machine = session();
    let plan = started(machine.refused(refusal(&machine), at(99)));
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(100), 0);
    // Within the second of rest.
    let plan = started(machine.force(at(100)));
    machine.finish(&plan, failed(FailureClass::NotSent), at(100), ALL);
    for _ in 0..3 {
        assert_eq!(refused_with(machine.force(at(100))), ErrorKind::Refresh(FailureClass::NotSent));
    }
    // From here on only the ladder counts: two seconds, four, eight.
    for second in [101, 103, 107] {
        let plan = started(machine.force(at(second)));
        machine.finish(&plan, failed(FailureClass::NotSent), at(second), ALL);
        assert!(matches!(machine.force(at(second)), Decision::Refuse(_)), "forced at {second} already");
    }
    let plan = started(machine.force(at(117)));
    machine.finish(&plan, failed(FailureClass::NotSent), at(117), ALL);
    // Ten seconds later, in the middle of the sixteen of the fifth failure.
    assert!(matches!(machine.force(at(126)), Decision::Refuse(_)));
    assert_eq!(started(machine.force(at(127))).reason, Reason::Forced);
}

#[test]
fn a_time_that_the_server_has_named_is_over_for_the_user_when_it_is_over() {
    let mut machine = logged_in(policy(|policy| policy.min_interval = secs(60)), Some(HOUR));
    let plan = started(machine.refused(refusal(&machine), at(99)));
    machine.finish(&plan, obtained(&plan, Some(HOUR)), at(100), 0);
    let plan = started(machine.force(at(100)));
    machine.finish(&plan, failure(GrantError::throttled(Some(secs(20)))), at(100), 0);
    assert_eq!(refused_with(machine.force(at(119))), ErrorKind::Refresh(FailureClass::Throttled));
    assert_eq!(started(machine.force(at(120))).reason, Reason::Forced, "the minute is skipped again");
}
