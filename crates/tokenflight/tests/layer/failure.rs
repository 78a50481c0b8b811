//! When there is nothing better than what the server said, or nothing at all.

use std::fmt;

use crate::fixture::*;

/// An error of the inner service.
#[derive(Debug, PartialEq)]
struct Inner(u32);

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inner error {}", self.0)
    }
}

impl std::error::Error for Inner {}

#[test]
fn when_the_refresh_fails_the_original_refusal_comes_back_with_the_reason() {
    let mut fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::ambiguous("no answer")));
    let mut call = fixture.call(get(ME));
    let mut refusal =
        challenged(&["Bearer realm=\"x\", error=\"invalid_token\""], TestBody::text("you ").data("may not"));
    refusal.headers_mut().append("x-request-id", HeaderValue::from_static("17"));
    refusal.extensions_mut().insert(41_u8);
    fixture.received().1.send_response(refusal);
    let answer = response(call.poll_until_idle());
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers()["x-request-id"], "17");
    assert_eq!(answer.headers()[header::WWW_AUTHENTICATE], "Bearer realm=\"x\", error=\"invalid_token\"");
    assert_eq!(answer.extensions().get::<u8>(), Some(&41));
    let error = answer.extensions().get::<Error>().unwrap();
    assert_eq!((error.class(), error.is_transient()), (Some(FailureClass::Ambiguous), true));
    assert_eq!(read(answer.into_body()).0, b"you may not");
    fixture.nothing_received();
}

/// As a request without a token does: the same attempt is made again in a moment.
#[test]
fn a_refused_request_waits_out_an_answer_that_was_lost_within_a_grace_window() {
    let mut fixture = Fixture::with(|builder| builder.reuse_policy(ReusePolicy::grace(secs(60))));
    fixture.grant.push(Step::Fail(GrantError::ambiguous("connection reset")));
    let mut call = fixture.refused(get(ME));
    for _ in 0..40 {
        if call.poll_until_idle().is_ready() || fixture.grant.count() == 2 {
            break;
        }
        fixture.nothing_received();
        fixture.time.advance(millis(200));
    }
    fixture.received_with("access-1").send_response(ok());
    assert_eq!(status(call.poll_until_idle()), StatusCode::OK);
}

#[test]
fn when_the_session_ends_the_original_refusal_comes_back_and_the_next_request_fails() {
    let mut fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    let mut call = fixture.refused(get(ME));
    assert!(matches!(explained(call.poll_until_idle()), ErrorKind::Ended(_)));
    let mut call = fixture.call(get(ME));
    assert!(matches!(our_failure(call.poll_until_idle()), ErrorKind::Ended(_)));
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn all_that_waited_get_the_one_failure() {
    let mut fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::not_sent("refused")));
    fixture.grant.gate().close();
    let mut calls: Vec<_> = (0..5).map(|_| fixture.refused(get(ME))).collect();
    for call in &mut calls {
        assert_pending!(call.poll_until_idle());
    }
    fixture.grant.gate().open();
    let errors: Vec<Error> = calls
        .iter_mut()
        .map(|call| response(call.poll_until_idle()).extensions().get::<Error>().unwrap().clone())
        .collect();
    assert!(errors.iter().all(|error| error.same_as(&errors[0])));
    assert_eq!(fixture.grant.count(), 1);
}

/// The failure is heard while the refusal's body is being read, and is not forgotten at its end.
#[test]
fn one_request_never_makes_two_token_requests_however_long_its_refusal_takes() {
    let mut fixture = Fixture::with(|builder| builder.configure(|policy| policy.backoff_base = millis(1)));
    fixture.grant.push(Step::Fail(GrantError::not_sent("refused")));
    let mut call = fixture.answered_with(challenged(&["Bearer"], TestBody::text("no").end(End::Stalls)));
    assert_pending!(call.poll_until_idle());
    assert_eq!(fixture.grant.count(), 1, "the refresh goes on beside");
    fixture.time.advance(millis(250));
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::Refresh(FailureClass::NotSent));
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn without_a_refresh_token_the_refusal_says_so() {
    let mut fixture = Fixture::blank(|builder| builder);
    now(fixture.session.login(TokenSet::new("access-0"))).unwrap();
    fixture.time.advance(LIFE);
    let mut call = fixture.refused(get(ME));
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::NoRefreshToken);
    let mut call = fixture.call(get(ME));
    assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::NoRefreshToken);
}

#[test]
fn a_failed_refresh_fails_the_request_that_has_no_token() {
    let mut fixture = Fixture::expired();
    fixture.grant.push(Step::Fail(GrantError::throttled(None)));
    let mut call = fixture.call(get(ME));
    assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::Refresh(FailureClass::Throttled));
    fixture.nothing_received();
}

#[test]
fn a_panicking_grant_is_an_error_of_the_request_and_no_more() {
    let mut fixture = Fixture::new();
    fixture.grant.push(Step::PanicUnsent);
    let mut call = fixture.refused(get(ME));
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::Refresh(FailureClass::NotSent));
    fixture.time.advance(millis(2_000));
    let mut call = fixture.call(get(ME));
    drop(fixture.sent_by(&mut call, "access-1"));
}

#[test]
fn an_error_of_the_first_send_is_passed_on_as_it_is() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(get(ME));
    fixture.received().1.send_error(Inner(1));
    assert_eq!(failure(call.poll()).downcast_ref(), Some(&Inner(1)));
    fixture.succeeds_with("access-0");
}

#[test]
fn an_error_of_the_first_send_after_a_wait_is_passed_on_as_it_is() {
    let mut fixture = Fixture::expired();
    let mut call = fixture.waiting(get(ME));
    fixture.received().1.send_error(Inner(2));
    assert_eq!(failure(call.poll_until_idle()).downcast_ref(), Some(&Inner(2)));
}

#[test]
fn an_error_of_the_replay_is_passed_on_as_it_is() {
    let mut fixture = Fixture::new();
    let mut call = fixture.refused_and_waiting(get(ME));
    fixture.received().1.send_error(Inner(3));
    assert_eq!(failure(call.poll_until_idle()).downcast_ref(), Some(&Inner(3)));
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn an_error_of_a_foreign_request_is_passed_on_as_it_is() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(get("https://elsewhere.example.com/"));
    fixture.received().1.send_error(Inner(4));
    assert_eq!(failure(call.poll()).downcast_ref(), Some(&Inner(4)));
}

#[test]
fn no_error_and_no_debug_output_of_the_layer_shows_a_token() {
    let mut fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::ambiguous("no answer")));
    let mut call = fixture.refused(get(ME));
    let answer = response(call.poll_until_idle());
    let shown = format!("{answer:?} {:?} {:?}", fixture.client, fixture.session);
    assert!(!shown.contains("access-0") && !shown.contains("refresh-0"), "{shown}");
}
