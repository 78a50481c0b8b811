//! Log-ins and log-outs while a request is under way: it never goes on with another login's token.

use tokenflight::ReusePolicy;

use crate::fixture::*;

#[test]
fn a_request_refused_after_a_logout_is_not_sent_again() {
    let mut fixture = Fixture::new();
    let (mut call, respond) = fixture.sent(get(ME));
    now(fixture.session.logout()).unwrap();
    respond.send_response(unauthorized());
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::SessionChanged);
    fixture.nothing_received();
    assert_eq!(fixture.grant.count(), 0);
}

#[test]
fn a_request_of_the_old_login_is_not_sent_again_as_the_new_one() {
    let mut fixture = Fixture::new();
    let (mut call, respond) = fixture.sent(get(ME));
    fixture.log_in("other-user", LIFE);
    fixture.time.advance(secs(60));
    respond.send_response(unauthorized());
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::SessionChanged);
    fixture.nothing_received();
    fixture.succeeds_with("other-user");
    assert_eq!(fixture.grant.count(), 0, "the new login's token was not refused");
}

#[test]
fn a_logout_ends_the_wait_for_a_token() {
    let mut fixture = Fixture::expired();
    fixture.grant.gate().close();
    let mut call = fixture.waiting(get(ME));
    let logout = task::spawn(fixture.session.logout()).poll();
    assert_pending!(logout, "it waits for the refresh that may still rotate");
    assert!(call.is_woken());
    assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::SessionChanged);
    fixture.nothing_received();
    fixture.grant.gate().open();
    let mut next = fixture.call(get(ME));
    assert_eq!(our_failure(next.poll_until_idle()), ErrorKind::LoggedOut);
}

#[test]
fn a_logout_ends_the_wait_for_a_newer_token_with_the_refusal() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    let mut call = fixture.refused_and_waiting(get(ME));
    drop(task::spawn(fixture.session.logout()).poll());
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::SessionChanged);
    fixture.nothing_received();
}

#[test]
fn a_new_login_is_not_used_for_a_request_that_waited_in_the_old_one() {
    let mut fixture = Fixture::expired();
    fixture.grant.gate().close();
    let mut call = fixture.waiting(get(ME));
    fixture.log_in("other-user", LIFE);
    assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::SessionChanged);
    fixture.nothing_received();
    fixture.succeeds_with("other-user");
}

/// Another caller finishes the refresh, and before the request's task runs there is another login.
#[test]
fn a_request_whose_refresh_failed_is_not_sent_as_a_user_who_has_logged_in_since() {
    let mut fixture = Fixture::new();
    fixture.time.advance(LIFE);
    fixture.grant.gate().close();
    fixture.grant.push(Step::Fail(GrantError::not_sent("no connection")));
    let mut alice = fixture.call(request(Method::POST, ME, "for alice"));
    assert_pending!(alice.poll_until_idle());
    let mut other = task::spawn(fixture.session.token());
    assert_pending!(other.poll());
    fixture.grant.gate().open();
    assert!(matches!(other.poll(), Poll::Ready(Err(_))));
    drop(other);
    fixture.log_in("of-bob", LIFE);
    assert_eq!(our_failure(alice.poll_until_idle()), ErrorKind::Refresh(FailureClass::NotSent));
    fixture.nothing_received();
}

/// It is called under one login, and polled for the first time under another: the task that polls
/// it is not always the one that called the service (tower's `Buffer`).
#[test]
fn a_request_that_has_to_wait_is_pinned_to_the_login_of_its_call() {
    for lifetime in [LIFE, secs(0)] {
        let mut fixture = Fixture::expired();
        let mut call = fixture.call(request(Method::POST, ME, "for alice"));
        fixture.log_in("of-bob", lifetime);
        assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::SessionChanged);
        fixture.nothing_received();
    }
}

/// One user's request waits, and another user logs in meanwhile.
fn changes_login(mut fixture: Fixture) {
    let mut call = fixture.waiting(get(ME));
    fixture.nothing_received();
    drop(task::spawn(fixture.session.logout()).poll());
    fixture.log_in("other-user", LIFE);
    for _ in 0..40 {
        if let Poll::Ready(answer) = call.poll_until_idle() {
            assert_eq!(our_failure(Poll::Ready(answer)), ErrorKind::SessionChanged);
            return fixture.nothing_received();
        }
        fixture.time.advance(millis(200));
    }
    panic!("it still waits");
}

/// The answer was lost, and the server allows the same attempt again in a moment.
#[test]
fn a_request_that_waits_for_a_second_attempt_does_not_change_its_login() {
    for driven in [false, true] {
        let fixture = Fixture::with(|builder| builder.reuse_policy(ReusePolicy::grace(secs(60))));
        fixture.grant.push(Step::Fail(GrantError::ambiguous("connection reset")));
        fixture.time.advance(LIFE);
        let driver = driven.then(|| fixture.drive());
        changes_login(fixture);
        drop(driver);
    }
}

/// Tokens that come expired are asked for once a second, and a request may have to wait for that.
#[test]
fn a_request_that_waits_until_it_may_ask_again_does_not_change_its_login() {
    let mut fixture = Fixture::new();
    fixture.grant.set_lifetime(Some(Duration::ZERO));
    fixture.time.advance(LIFE);
    fixture.gets_through_with("access-1");
    changes_login(fixture);
}

/// Between the token and the send there is a wait, and much can happen in it.
#[test]
fn a_logout_or_another_login_while_the_replay_waits_for_readiness_gives_the_refusal_back() {
    for logout in [true, false] {
        let mut fixture = Fixture::new();
        let mut call = fixture.refused(get(ME));
        fixture.server.allow(0);
        assert_pending!(call.poll_until_idle());
        match logout {
            true => drop(now(fixture.session.logout()).unwrap()),
            false => fixture.log_in("other-user", LIFE),
        }
        fixture.server.allow(1);
        assert_eq!(explained(call.poll_until_idle()), ErrorKind::SessionChanged, "logout: {logout}");
        fixture.nothing_received();
    }
}

#[test]
fn a_logout_while_the_first_send_waits_for_readiness_is_an_error() {
    let mut fixture = Fixture::expired();
    let mut call = fixture.call(get(ME));
    fixture.server.allow(0);
    assert_pending!(call.poll_until_idle());
    now(fixture.session.logout()).unwrap();
    fixture.server.allow(1);
    assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::SessionChanged);
    fixture.nothing_received();
}

#[test]
fn after_a_new_login_the_private_copy_of_the_old_token_is_gone() {
    let mut fixture = Fixture::new();
    fixture.succeeds_with("access-0");
    fixture.log_in("other-user", LIFE);
    fixture.succeeds_with("other-user");
    now(fixture.session.logout()).unwrap();
    let mut call = fixture.call(get(ME));
    assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::LoggedOut);
    fixture.log_in("third-user", LIFE);
    let mut call = fixture.call(get(ME));
    fixture.received_with("third-user").send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
}
