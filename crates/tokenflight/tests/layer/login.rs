//! Log-ins and log-outs while a request is under way: it never goes on with another login's token.

use std::task::Poll;

use http::StatusCode;
use tokenflight::{ErrorKind, GrantError, ReusePolicy};
use tokenflight_test::mock::Step;
use tokio_test::assert_pending;

use crate::bed::{Bed, LIFE, ME, explained, get, millis, now, ok, our_failure, secs, status, unauthorized};

#[test]
fn a_request_refused_after_a_logout_is_not_sent_again() {
    let mut bed = Bed::new();
    let mut call = bed.call(get(ME));
    let respond = bed.received_with("access-0");
    now(bed.session.logout()).unwrap();
    respond.send_response(unauthorized());
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::SessionChanged);
    bed.nothing_received();
    assert_eq!(bed.grant.count(), 0);
}

#[test]
fn a_request_of_the_old_login_is_not_sent_again_as_the_new_one() {
    let mut bed = Bed::new();
    let mut call = bed.call(get(ME));
    let respond = bed.received_with("access-0");
    bed.log_in("other-user", LIFE);
    bed.time.advance(secs(60));
    respond.send_response(unauthorized());
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::SessionChanged);
    bed.nothing_received();
    bed.succeeds_with("other-user");
    assert_eq!(bed.grant.count(), 0, "the new login's token was not refused");
}

#[test]
fn a_logout_ends_the_wait_for_a_token() {
    let mut bed = Bed::new();
    bed.time.advance(LIFE);
    bed.grant.gate().close();
    let mut call = bed.call(get(ME));
    assert_pending!(call.poll_until_idle());
    let logout = tokio_test::task::spawn(bed.session.logout()).poll();
    assert_pending!(logout, "it waits for the refresh that may still rotate");
    assert!(call.is_woken());
    assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::SessionChanged);
    bed.nothing_received();
    bed.grant.gate().open();
    let mut next = bed.call(get(ME));
    assert_eq!(our_failure(next.poll_until_idle()), ErrorKind::LoggedOut);
}

#[test]
fn a_logout_ends_the_wait_for_a_newer_token_with_the_refusal() {
    let mut bed = Bed::new();
    bed.grant.gate().close();
    let mut call = bed.refused(get(ME));
    assert_pending!(call.poll_until_idle());
    drop(tokio_test::task::spawn(bed.session.logout()).poll());
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::SessionChanged);
    bed.nothing_received();
}

#[test]
fn a_new_login_is_not_used_for_a_request_that_waited_in_the_old_one() {
    let mut bed = Bed::new();
    bed.time.advance(LIFE);
    bed.grant.gate().close();
    let mut call = bed.call(get(ME));
    assert_pending!(call.poll_until_idle());
    bed.log_in("other-user", LIFE);
    assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::SessionChanged);
    bed.nothing_received();
    bed.succeeds_with("other-user");
}

/// Between the token and the send there is a wait, and much can happen in it.
/// One user's request waits, and another user logs in meanwhile.
fn changes_login(mut bed: Bed) {
    let mut call = bed.call(get(ME));
    assert_pending!(call.poll_until_idle());
    bed.nothing_received();
    drop(tokio_test::task::spawn(bed.session.logout()).poll());
    bed.log_in("other-user", LIFE);
    for _ in 0..40 {
        if let Poll::Ready(answer) = call.poll_until_idle() {
            assert_eq!(our_failure(Poll::Ready(answer)), ErrorKind::SessionChanged);
            return bed.nothing_received();
        }
        bed.time.advance(millis(200));
    }
    panic!("it still waits");
}

/// The answer was lost, and the server allows the same attempt again in a moment.
#[test]
fn a_request_that_waits_for_a_second_attempt_does_not_change_its_login() {
    let bed = Bed::with(|builder| builder.reuse_policy(ReusePolicy::grace(secs(60))));
    bed.grant.push(Step::Fail(GrantError::ambiguous("connection reset")));
    bed.time.advance(LIFE);
    changes_login(bed);
}

#[test]
fn a_logout_while_the_replay_waits_for_readiness_gives_the_refusal_back() {
    let mut bed = Bed::new();
    let mut call = bed.refused(get(ME));
    bed.server.allow(0);
    assert_pending!(call.poll_until_idle());
    now(bed.session.logout()).unwrap();
    bed.server.allow(1);
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::SessionChanged);
    bed.nothing_received();
}

#[test]
fn another_login_while_the_replay_waits_for_readiness_gives_the_refusal_back() {
    let mut bed = Bed::new();
    let mut call = bed.refused(get(ME));
    bed.server.allow(0);
    assert_pending!(call.poll_until_idle());
    bed.log_in("other-user", LIFE);
    bed.server.allow(1);
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::SessionChanged);
    bed.nothing_received();
}

#[test]
fn a_logout_while_the_first_send_waits_for_readiness_is_an_error() {
    let mut bed = Bed::new();
    bed.time.advance(LIFE);
    let mut call = bed.call(get(ME));
    bed.server.allow(0);
    assert_pending!(call.poll_until_idle());
    now(bed.session.logout()).unwrap();
    bed.server.allow(1);
    assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::SessionChanged);
    bed.nothing_received();
}

#[test]
fn after_a_new_login_the_private_copy_of_the_old_token_is_gone() {
    let mut bed = Bed::new();
    bed.succeeds_with("access-0");
    bed.log_in("other-user", LIFE);
    bed.succeeds_with("other-user");
    now(bed.session.logout()).unwrap();
    let mut call = bed.call(get(ME));
    assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::LoggedOut);
    bed.log_in("third-user", LIFE);
    let mut call = bed.call(get(ME));
    bed.received_with("third-user").send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
}
