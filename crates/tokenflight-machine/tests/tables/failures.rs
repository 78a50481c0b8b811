//! What a failed flight leaves behind.

use std::time::Duration;

use tokenflight_core::{
    Error, ErrorKind, FailureClass, Generation, GrantError,
    grant::{Reason, ReusePolicy},
};
use tokenflight_machine::{Decision, Landing, Login, Machine, Policy};

use crate::support::{
    HOUR, at, ended, failed, failure, just_use, logged_in, moment, obtained, refusal, refused_with, secs, started,
    store, uses,
};

const CLASSES: [FailureClass; 4] =
    [FailureClass::NotSent, FailureClass::Throttled, FailureClass::Ambiguous, FailureClass::Config];

/// A session that lives for an hour, in its lead: renewal has been due since second 2520.
const IN_LEAD: u64 = 3000;
const DEAD: u64 = 3600;

fn session() -> Machine {
    logged_in(Policy::default(), Some(HOUR))
}

/// Most of the longest wait: jitter is full, so the tests draw nearly all of it.
const ALL: u64 = u64::MAX;

///
#[test]
fn the_current_token_is_served_whatever_the_class_of_the_failure() {
    for class in CLASSES {
        let mut machine = session();
        let plan = started(machine.usable(at(IN_LEAD)));
        machine.land(&plan, &failed(class), at(IN_LEAD), ALL);
        assert!(just_use(&machine.usable(at(IN_LEAD))), "{class:?}");
        assert!(uses(&machine.usable(at(DEAD - 1))), "{class:?}");
    }
}

/// C-14: one who comes between the failure and the next attempt sees the backoff.
#[test]
fn without_a_usable_token_the_last_failure_is_the_answer_until_its_backoff_is_over() {
    for class in CLASSES {
        let mut machine = session();
        let plan = started(machine.usable(at(DEAD)));
        machine.land(&plan, &failed(class), at(DEAD), ALL);
        assert_eq!(refused_with(machine.usable(at(DEAD))), ErrorKind::Refresh(class));
        assert_eq!(started(machine.usable(at(DEAD + 1))).reason, Reason::Due);
    }
}

///
#[test]
fn backoff_doubles_from_one_second_to_five_minutes() {
    let mut machine = session();
    let mut now = at(DEAD);
    for longest in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300] {
        let plan = started(machine.usable(now));
        machine.land(&plan, &failed(FailureClass::NotSent), now, ALL);
        let until = machine.tick(now).next.expect("a next attempt");
        let short = secs(longest) - (until - now.boot);
        assert!(short < Duration::from_millis(1), "{longest} s: {:?}", until - now.boot);
        assert!(matches!(machine.usable(moment(until - Duration::from_nanos(1))), Decision::Refuse(_)));
        now = moment(until);
    }
}

///
#[test]
fn jitter_is_full_so_the_luckiest_tries_again_at_once() {
    let mut machine = session();
    let plan = started(machine.usable(at(DEAD)));
    machine.land(&plan, &failed(FailureClass::NotSent), at(DEAD), 0);
    started(machine.usable(at(DEAD)));
}

///
#[test]
fn a_success_ends_the_backoff() {
    let mut machine = session();
    let mut now = at(DEAD);
    for _ in 0..6 {
        let plan = started(machine.usable(now));
        machine.land(&plan, &failed(FailureClass::NotSent), now, ALL);
        now = moment(now.boot + secs(300));
    }
    let plan = started(machine.usable(now));
    machine.land(&plan, &obtained(&plan, Some(HOUR)), now, 0);
    let plan = started(machine.force(moment(now.boot + secs(100))));
    machine.land(&plan, &failed(FailureClass::NotSent), moment(now.boot + secs(100)), ALL);
    // The ladder begins again at its first rung.
    started(machine.force(moment(now.boot + secs(101))));
}

/// C-15, R-204
#[test]
fn a_login_ends_backoff_and_end_alike() {
    let landings =
        [failed(FailureClass::Throttled), failure(GrantError::throttled(Some(HOUR))), ended(session().epoch())];
    for landing in landings {
        let mut machine = session();
        let plan = started(machine.usable(at(DEAD)));
        machine.land(&plan, &landing, at(DEAD), ALL);
        assert!(matches!(machine.usable(at(DEAD)), Decision::Refuse(_)));
        machine.login(Login::new(Some(secs(10))), at(DEAD), 0);
        store(&mut machine);
        assert!(just_use(&machine.usable(at(DEAD))));
        started(machine.usable(at(DEAD + 10)));
    }
}

/// T-55
#[test]
fn retry_after_is_kept_between_a_second_and_an_hour_and_nobody_skips_it() {
    let rows = [
        (Duration::ZERO, secs(1)),
        (secs(1), secs(1)),
        (secs(120), secs(120)),
        (HOUR, HOUR),
        (HOUR + secs(1), HOUR),
        (Duration::MAX, HOUR),
    ];
    for (asked, kept) in rows {
        let mut machine = session();
        let plan = started(machine.usable(at(DEAD)));
        machine.land(&plan, &failure(GrantError::throttled(Some(asked))), at(DEAD), 0);
        let almost = moment(at(DEAD).boot + kept - Duration::from_nanos(1));
        assert_eq!(refused_with(machine.usable(almost)), ErrorKind::Refresh(FailureClass::Throttled), "{asked:?}");
        assert_eq!(refused_with(machine.force(almost)), ErrorKind::Refresh(FailureClass::Throttled), "{asked:?}");
        assert_eq!(machine.tick(almost).start, None);
        started(machine.usable(moment(at(DEAD).boot + kept)));
    }
}

/// T-57: a 503 is ambiguous, and its `Retry-After` counts all the same.
#[test]
fn retry_after_is_kept_after_an_ambiguous_answer_too() {
    let mut machine = session();
    let plan = started(machine.usable(at(DEAD)));
    let error = GrantError::new(FailureClass::Ambiguous).retry_after(secs(120));
    machine.land(&plan, &failure(error), at(DEAD), 0);
    assert_eq!(refused_with(machine.usable(at(DEAD + 119))), ErrorKind::Refresh(FailureClass::Ambiguous));
    started(machine.usable(at(DEAD + 120)));
}

fn unsure(reuse_policy: ReusePolicy, took: u64) -> Machine {
    let mut policy = Policy::default();
    policy.reuse_policy = reuse_policy;
    let mut machine = logged_in(policy, Some(HOUR));
    let plan = started(machine.usable(at(IN_LEAD - took)));
    machine.land(&plan, &failed(FailureClass::Ambiguous), at(IN_LEAD), ALL);
    machine
}

///
#[test]
fn strict_keeps_an_unsure_refresh_token_back_while_the_access_token_lasts_and_tries_it_after() {
    let mut machine = unsure(ReusePolicy::Strict, 0);
    for second in [IN_LEAD, IN_LEAD + 300, DEAD - 1] {
        assert!(just_use(&machine.usable(at(second))));
        assert_eq!(machine.tick(at(second)).start, None);
        assert_eq!(machine.tick(at(second)).next, Some(secs(DEAD)), "the expiry is looked at");
        assert_eq!(refused_with(machine.force(at(second))), ErrorKind::Refresh(FailureClass::Ambiguous));
    }
    assert_eq!(started(machine.usable(at(DEAD))).reason, Reason::Due);
}

///
#[test]
fn strict_tries_an_unsure_refresh_token_once_the_access_token_is_refused() {
    let mut machine = unsure(ReusePolicy::Strict, 0);
    let refused = refusal(&machine);
    assert_eq!(started(machine.refused(refused, at(IN_LEAD + 1))).reason, Reason::Rejected);
}

///
#[test]
fn grace_presents_again_promptly_and_at_most_twice() {
    let window = secs(60);
    let mut machine = unsure(ReusePolicy::grace(window), 0);
    let mut now = at(IN_LEAD);
    for replay in 0..2 {
        assert!(just_use(&machine.usable(now)), "replay {replay} is not in the same moment for everybody");
        let until = machine.tick(now).next.expect("a replay");
        assert!(until - now.boot <= window / 10, "at most a tenth of the window");
        now = moment(until);
        let plan = machine.tick(now).start.expect("a replay");
        machine.land(&plan, &failed(FailureClass::Ambiguous), now, ALL);
    }
    // The third time something else is wrong: then it is as strict as the others.
    for second in [now.boot.as_secs() + 10, DEAD - 1] {
        assert_eq!(machine.tick(at(second)).start, None);
        assert!(just_use(&machine.usable(at(second))));
    }
    started(machine.usable(at(DEAD)));
}

/// without a token to go on with, callers wait for the prompt attempt instead of failing until then.
#[test]
fn whoever_has_no_token_waits_for_the_prompt_attempts_and_hears_of_their_failure() {
    let window = secs(60);
    let mut machine = unsure(ReusePolicy::grace(window), 0);
    let refused = refusal(&machine);
    for replay in 0..2 {
        let now = moment(at(IN_LEAD).boot + replay * window / 10);
        let Decision::Wait { until } = machine.refused(refused, now) else { panic!("replay {replay}") };
        assert!(until > now.boot && until - now.boot <= window / 10);
        assert!(matches!(machine.usable(now), Decision::Wait { until: other } if other == until));
        let plan = started(machine.usable(moment(until)));
        machine.land(&plan, &failed(FailureClass::Ambiguous), moment(until), ALL);
    }
    let later = moment(at(IN_LEAD).boot + 2 * window / 10);
    assert_eq!(refused_with(machine.usable(later)), ErrorKind::Refresh(FailureClass::Ambiguous));
}

/// the server counts from when it saw the request, not from when we gave up.
#[test]
fn grace_ends_with_the_servers_window() {
    // The attempt may take a third of the window; it took all of that.
    let mut machine = unsure(ReusePolicy::grace(secs(60)), 20);
    assert!(machine.clone().tick(at(IN_LEAD + 39)).start.is_some());
    assert_eq!(machine.tick(at(IN_LEAD + 40)).start, None);
    assert!(just_use(&machine.usable(at(IN_LEAD + 40))));
    // A flight that waited for the store for long did not present anything then.
    let mut machine = unsure(ReusePolicy::grace(secs(60)), 50);
    assert!(machine.clone().tick(at(IN_LEAD + 39)).start.is_some());
    assert_eq!(machine.tick(at(IN_LEAD + 40)).start, None);
}

///
#[test]
fn a_server_that_never_rotates_is_asked_again_with_the_usual_backoff() {
    let mut machine = unsure(ReusePolicy::NonRotating, 0);
    assert!(just_use(&machine.usable(at(IN_LEAD))));
    assert_eq!(started(machine.usable(at(IN_LEAD + 1))).reason, Reason::Due);
}

/// T-22
#[test]
fn a_rotated_refresh_token_in_an_answer_that_cannot_be_used_is_not_unsure() {
    let mut machine = session();
    let plan = started(machine.usable(at(IN_LEAD)));
    let error = Error::from(GrantError::ambiguous("an answer without an access token"));
    let rotated = Some(Generation::new(9));
    let verdict =
        machine.land(&plan, &Landing::Failed { class: FailureClass::Ambiguous, error, rotated }, at(IN_LEAD), 0);
    assert_eq!(verdict.publish, tokenflight_machine::Publish::Keep);
    assert_eq!(machine.generation(), Generation::new(9));
    assert_eq!(started(machine.usable(at(IN_LEAD + 1))).reason, Reason::Due);
}

///
#[test]
fn a_token_response_is_followed_by_a_second_of_rest_whatever_callers_do() {
    let mut machine = session();
    let plan = started(machine.force(at(100)));
    machine.land(&plan, &obtained(&plan, Some(Duration::ZERO)), at(100), 0);
    let rest = moment(secs(101) - Duration::from_nanos(1));
    for now in [at(100), rest] {
        assert!(matches!(machine.usable(now), Decision::Wait { until } if until == secs(101)));
        assert!(matches!(machine.force(now), Decision::Wait { until } if until == secs(101)), "it was forced just now");
        assert_eq!(machine.tick(now).start, None);
    }
    started(machine.usable(at(101)));
}

///
#[test]
fn the_users_force_skips_the_waiting_once_in_ten_seconds() {
    let mut machine = session();
    let refused = refusal(&machine);
    let plan = started(machine.refused(refused, at(99)));
    machine.land(&plan, &obtained(&plan, Some(HOUR)), at(100), 0);
    // Within the second of rest.
    let plan = started(machine.force(at(100)));
    machine.land(&plan, &failed(FailureClass::NotSent), at(100), ALL);
    for _ in 0..3 {
        assert_eq!(refused_with(machine.force(at(100))), ErrorKind::Refresh(FailureClass::NotSent));
    }
    // From here on only the ladder counts: two seconds, four, eight.
    for second in [101, 103, 107] {
        let plan = started(machine.force(at(second)));
        machine.land(&plan, &failed(FailureClass::NotSent), at(second), ALL);
        assert!(matches!(machine.force(at(second)), Decision::Refuse(_)), "forced at {second} already");
    }
    let plan = started(machine.force(at(117)));
    machine.land(&plan, &failed(FailureClass::NotSent), at(117), ALL);
    // Ten seconds later, in the middle of the sixteen of the fifth failure.
    assert!(matches!(machine.force(at(126)), Decision::Refuse(_)));
    assert_eq!(started(machine.force(at(127))).reason, Reason::Forced);
}

///
#[test]
fn what_could_not_be_stored_is_offered_again_soon_and_ever_more_seldom() {
    let mut machine = crate::support::machine(Policy::default());
    machine.login(Login::new(Some(HOUR)), at(0), 0);
    let mut now = at(0);
    for longest in [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000] {
        let plan = machine.tick(now).start.expect("an attempt to store");
        assert_eq!(plan.reason, Reason::Persist);
        machine.land(&plan, &Landing::NotFlushed(Error::new(ErrorKind::Store)), now, ALL);
        let next = machine.tick(now).next.expect("another attempt");
        let short = Duration::from_millis(longest).abs_diff(next - now.boot);
        assert!(short < Duration::from_millis(1), "{longest} ms: {:?}", next - now.boot);
        assert!(uses(&machine.usable(now)), "the login is in use all the while");
        now = moment(next);
    }
    store(&mut machine);
    assert!(!machine.has_unsaved());
}
