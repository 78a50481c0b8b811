//! A refresh token that may have been presented without a report, by what servers do with reuse.

use crate::tables::*;

const IN_LEAD: u64 = 3000;
const DEAD: u64 = 3600;
const WINDOW: Duration = secs(60);
const AMBIGUOUS: ErrorKind = ErrorKind::Refresh(FailureClass::Ambiguous);

/// In its lead, the answer to a renewal that was sent so long before has been lost.
fn in_doubt(reuse_policy: ReusePolicy, took: u64) -> Session {
    let mut machine = logged_in(policy(|policy| policy.reuse_policy = Some(reuse_policy)), Some(HOUR));
    let plan = machine.tick(at(IN_LEAD - took)).refresh.expect("a renewal");
    machine.finish(&plan, lost(secs(IN_LEAD - took)), at(IN_LEAD), ALL);
    machine
}

#[test]
fn strict_keeps_it_back_while_the_access_token_lasts_and_tries_it_after() {
    let mut machine = in_doubt(ReusePolicy::Strict, 0);
    for second in [IN_LEAD, IN_LEAD + 300, DEAD - 1] {
        assert!(just_use(&machine.usable(None, at(second))));
        let tick = machine.tick(at(second));
        assert!(tick.refresh.is_none());
        assert_eq!(tick.next, Some(secs(DEAD)), "the expiry is looked at");
        assert_eq!(refused_with(machine.force(at(second))), AMBIGUOUS);
    }
    assert!(machine.clone().tick(at(DEAD)).refresh.is_some());
    assert_eq!(started(machine.usable(None, at(DEAD))).reason, Reason::Due);
}

#[test]
fn strict_tries_it_once_the_access_token_is_refused() {
    let mut machine = in_doubt(ReusePolicy::Strict, 0);
    assert_eq!(started(machine.refused(refusal(&machine), at(IN_LEAD + 1))).reason, Reason::Rejected);
}

#[test]
fn grace_presents_again_promptly_and_at_most_twice() {
    let mut machine = in_doubt(ReusePolicy::grace(WINDOW), 0);
    let mut now = at(IN_LEAD);
    for again in 0..2 {
        assert!(just_use(&machine.usable(None, now)), "attempt {again} is not in the same moment for every session");
        let until = machine.tick(now).next.expect("another attempt");
        let wait = until - now.boot;
        assert!(WINDOW / 10 - millis(1) < wait && wait <= WINDOW / 10, "at most a tenth of the window: {wait:?}");
        now = moment(until);
        let plan = machine.tick(now).refresh.expect("another attempt");
        machine.finish(&plan, lost(now.boot), now, ALL);
    }
    // The third time something else is wrong: then it is as strict as the others.
    for second in [now.boot.as_secs() + 10, DEAD - 1] {
        assert!(machine.tick(at(second)).refresh.is_none());
        assert!(just_use(&machine.usable(None, at(second))));
    }
    started(machine.usable(None, at(DEAD)));
}

#[test]
fn the_prompt_attempt_comes_within_half_a_minute_however_long_the_window() {
    let machine = in_doubt(ReusePolicy::grace(2 * HOUR), 0);
    let next = machine.clone().tick(at(IN_LEAD)).next.expect("another attempt");
    assert!(secs(29) < next - secs(IN_LEAD) && next - secs(IN_LEAD) <= secs(30), "{next:?}");
}

/// The server was not reached: that says nothing of the answer that was lost.
#[test]
fn a_prompt_attempt_that_was_not_sent_waits_as_any_other() {
    let mut machine = in_doubt(ReusePolicy::grace(WINDOW), 0);
    let now = moment(machine.tick(at(IN_LEAD)).next.expect("another attempt"));
    let plan = machine.tick(now).refresh.expect("another attempt");
    machine.finish(&plan, failed(FailureClass::NotSent), now, ALL);
    let next = machine.tick(now).next.expect("another attempt");
    assert!(secs(1) < next - now.boot && next - now.boot <= secs(2), "{next:?}");
}

/// A caller without a token waits for them instead of failing until then.
#[test]
fn a_caller_whose_token_was_refused_waits_for_the_prompt_attempts_and_hears_of_their_failure() {
    let mut machine = in_doubt(ReusePolicy::grace(WINDOW), 0);
    assert_eq!(machine.retries_at(at(IN_LEAD)), None, "there is a token to go on with");
    let refused = refusal(&machine);
    let mut now = at(IN_LEAD);
    for again in 0..2 {
        assert!(matches!(machine.refused(refused, now), Decision::Wait { .. }), "attempt {again}");
        assert!(matches!(machine.usable(Some(API), now), Decision::Wait { .. }));
        let until = machine.retries_at(now).expect("another attempt");
        assert!(until > now.boot && until - now.boot <= WINDOW / 10);
        assert!(just_use(&machine.usable(None, now)), "others go on with it");
        now = moment(until);
        let plan = started(machine.usable(Some(API), now));
        machine.finish(&plan, lost(now.boot), now, ALL);
    }
    assert_eq!(machine.retries_at(now), None);
    assert_eq!(refused_with(machine.usable(Some(API), now)), AMBIGUOUS);
}

#[test]
fn without_a_living_token_every_caller_waits_for_the_prompt_attempt() {
    let mut machine = logged_in(policy(|policy| policy.reuse_policy = Some(ReusePolicy::grace(WINDOW))), Some(HOUR));
    let plan = started(machine.usable(None, at(DEAD)));
    machine.finish(&plan, lost(secs(DEAD)), at(DEAD), ALL);
    assert!(matches!(machine.usable(None, at(DEAD)), Decision::Wait { .. }));
    let until = machine.retries_at(at(DEAD)).expect("another attempt");
    // The user need not.
    assert_eq!(started(machine.clone().force(at(DEAD))).reason, Reason::Forced);
    started(machine.usable(None, moment(until)));
}

/// The server counts from when it saw the request, not from when we gave up.
#[test]
fn grace_ends_with_the_servers_window() {
    for took in [20, 50] {
        let mut machine = in_doubt(ReusePolicy::grace(WINDOW), took);
        let closes = IN_LEAD - took + 60;
        assert!(machine.clone().tick(at(closes - 1)).refresh.is_some());
        assert!(machine.tick(at(closes)).refresh.is_none());
        assert!(just_use(&machine.usable(None, at(closes))));
    }
}

/// The other attempt is another process's, and how long ago it was is not known: a boot clock that
/// is younger than the window makes it no shorter.
#[test]
fn what_was_kept_back_counts_on_no_grace_window() {
    let mut machine = logged_in(policy(|policy| policy.reuse_policy = Some(ReusePolicy::grace(WINDOW))), Some(HOUR));
    let plan = started(machine.force(at(20)));
    let error = Error::from(GrantError::ambiguous("another attempt"));
    machine.finish(&plan, Outcome::KeptBack { error }, at(20), 0);
    assert_eq!(refused_with(machine.force(at(40))), AMBIGUOUS);
}

#[test]
fn a_server_that_forgives_reuse_is_asked_again_with_the_usual_backoff() {
    for reuse_policy in [ReusePolicy::NonRotating, ReusePolicy::UntilUsed] {
        let mut machine = in_doubt(reuse_policy, 0);
        assert!(just_use(&machine.usable(None, at(IN_LEAD))));
        assert_eq!(started(machine.clone().force(at(IN_LEAD + 1))).reason, Reason::Forced);
        assert_eq!(machine.tick(at(IN_LEAD + 1)).refresh.map(|plan| plan.reason), Some(Reason::Due));
    }
}

/// So says the store of another process's attempt.
#[test]
fn another_holders_doubt_keeps_it_back_here_too() {
    for reuse_policy in [ReusePolicy::Strict, ReusePolicy::grace(WINDOW)] {
        let mut machine = logged_in(policy(|policy| policy.reuse_policy = Some(reuse_policy)), Some(HOUR));
        let plan = machine.tick(at(IN_LEAD)).refresh.expect("a renewal");
        let error = Error::failed(GrantError::new(FailureClass::Ambiguous));
        let outcome = Outcome::KeptBack { error: error.clone() };
        let events = told(&mut machine, |machine| machine.finish(&plan, outcome, at(IN_LEAD), ALL));
        assert!(
            matches!(&events[..], [Event::RefreshFailed { error: told, .. }] if told.same_as(&error)),
            "{events:?}"
        );
        let tick = machine.tick(at(IN_LEAD + 10));
        assert!(tick.refresh.is_none() && tick.next == Some(secs(DEAD)), "{tick:?}");
        assert_eq!(refused_with(machine.force(at(IN_LEAD + 10))), AMBIGUOUS);
        assert!(machine.tick(at(DEAD)).refresh.is_some());
    }
}

#[test]
fn a_new_token_set_lifts_the_doubt() {
    for outcome in [(|plan| obtained(plan, Some(HOUR))) as fn(&Plan) -> Outcome<u32>, |plan| {
        found(committed(plan.known.as_deref(), Some(HOUR), at(DEAD)), 7, at(DEAD))
    }] {
        let mut machine = in_doubt(ReusePolicy::Strict, 0);
        let plan = started(machine.usable(None, at(DEAD)));
        machine.finish(&plan, outcome(&plan), at(DEAD), 0);
        started(machine.force(at(DEAD + 60)));
    }
}
