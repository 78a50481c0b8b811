//! gRPC tells in `grpc-status` what HTTP tells in its status.

use crate::fixture::*;

const CONTENT: &str = "application/grpc";

/// The answer of a server that says no at once: no messages and no trailers, only headers.
fn trailers_only(code: &'static str) -> Res {
    let mut response = begun(TestBody::new());
    response.headers_mut().insert("grpc-status", HeaderValue::from_static(code));
    response
}

/// The head of a call that has begun.
fn begun(body: TestBody) -> Res {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT));
    response
}

/// A call that ends with this code after a message.
fn ended(code: &'static str) -> Res {
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static(code))]);
    begun(TestBody::text("message").trailers(trailers))
}

fn with_timeout(timeout: &'static str) -> Req {
    let mut request = get(ME);
    request.headers_mut().insert("grpc-timeout", HeaderValue::from_static(timeout));
    request
}

fn timeout(request: &Req) -> &str {
    request.headers()["grpc-timeout"].to_str().unwrap()
}

/// The refusal that has come, and why there is nothing better.
fn explained(response: Response<BearerBody<TestBody>>) -> ErrorKind {
    assert_eq!(response.headers()["grpc-status"], "16");
    response.extensions().get::<Error>().unwrap().kind().clone()
}

#[test]
fn a_call_that_is_refused_in_its_headers_is_sent_again() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(get(ME));
    fixture.received_with("access-0").send_response(trailers_only("16"));
    fixture.sent_by(&mut call, "access-1").send_response(trailers_only("0"));
    assert_eq!(response(call.poll()).headers()["grpc-status"], "0");
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn no_other_code_is_about_the_token() {
    for code in ["0", "1", "2", "7", "14", "15", "17", "016", "16 ", ""] {
        let mut fixture = Fixture::new();
        let mut call = fixture.answered_with(trailers_only(code));
        assert_eq!(response(call.poll()).headers()["grpc-status"], code);
        assert_eq!(fixture.grant.count(), 0, "{code}");
        fixture.succeeds_with("access-0");
    }
}

#[test]
fn a_code_in_an_answer_that_is_not_grpc_means_nothing() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(get(ME));
    let mut answer = trailers_only("16");
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    fixture.received().1.send_response(answer);
    assert_eq!(status(call.poll()), StatusCode::OK);
    fixture.succeeds_with("access-0");
}

/// A proxy in front may refuse in HTTP's way.
#[test]
fn http_401_is_a_refusal_whatever_its_content_is() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(get(ME));
    let mut answer = trailers_only("2");
    *answer.status_mut() = StatusCode::UNAUTHORIZED;
    fixture.received().1.send_response(answer);
    fixture.sent_by(&mut call, "access-1");
}

#[test]
fn a_call_that_is_refused_in_its_trailers_is_undisturbed_and_the_next_has_a_new_token() {
    let mut fixture = Fixture::new();
    let mut call = fixture.answered_with(ended("16"));
    let body = response(call.poll()).into_body();
    assert!(!body.is_end_stream());
    // Not known until the trailers have been read.
    fixture.succeeds_with("access-0");
    let (data, trailers, error) = read(body);
    assert_eq!(
        (data.as_slice(), &trailers.unwrap()["grpc-status"], error.is_none()),
        (&b"message"[..], &HeaderValue::from_static("16"), true)
    );
    fixture.nothing_received();
    let mut next = fixture.call(get(ME));
    fixture.sent_by(&mut next, "access-1");
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn trailers_of_an_older_token_change_nothing() {
    let mut fixture = Fixture::new();
    let mut slow = fixture.answered_with(ended("16"));
    let body = response(slow.poll()).into_body();
    let mut call = fixture.refused(get(ME));
    fixture.sent_by(&mut call, "access-1");
    read(body);
    fixture.succeeds_with("access-1");
    assert_eq!(fixture.grant.count(), 1);
}

/// etcd#12385: a stream ends with PERMISSION_DENIED because its token has expired.
#[test]
fn the_predicate_is_asked_about_trailers_too() {
    for own in [true, false] {
        let expired = |_, headers: &HeaderMap| headers.get("grpc-status").is_some_and(|status| status == "7");
        let mut fixture = Fixture::new().layered(|layer| if own { layer.refused_when(expired) } else { layer });
        let mut call = fixture.answered_with(ended("7"));
        drop(read(response(call.poll()).into_body()));
        let mut next = fixture.call(get(ME));
        fixture.sent_by(&mut next, if own { "access-1" } else { "access-0" });
    }
}

/// Media types have no case (RFC 9110 §8.3.1).
#[test]
fn the_content_type_may_have_any_case() {
    let mut fixture = Fixture::new();
    let mut refusal = trailers_only("16");
    refusal.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("Application/GRPC+proto"));
    let mut call = fixture.answered_with(refusal);
    drop(fixture.sent_by(&mut call, "access-1"));
}

#[test]
fn other_trailers_leave_the_token_alone() {
    for code in ["0", "2", "7"] {
        let mut fixture = Fixture::new();
        let mut call = fixture.answered_with(ended(code));
        read(response(call.poll()).into_body());
        fixture.succeeds_with("access-0");
        assert_eq!(fixture.grant.count(), 0);
    }
}

/// A driver renews at once what a stream has found refused.
#[test]
fn with_a_driver_a_token_refused_in_trailers_is_renewed_without_a_request() {
    let mut fixture = Fixture::new();
    let mut driver = fixture.drive();
    let mut call = fixture.answered_with(ended("16"));
    read(response(call.poll()).into_body());
    assert!(driver.is_woken());
    assert!(driver.poll_until_idle().is_pending());
    assert_eq!(fixture.grant.count(), 1);
    fixture.succeeds_with("access-1");
}

#[test]
fn a_server_that_wants_no_retry_gets_none() {
    // The last of these would hold the caller for an hour.
    for pushback in ["-1", "soon", "", "3600000", "99999999999999999999"] {
        let mut fixture = Fixture::new();
        let mut call = fixture.call(get(ME));
        let mut answer = trailers_only("16");
        answer.headers_mut().insert("grpc-retry-pushback-ms", HeaderValue::from_static(pushback));
        fixture.received().1.send_response(answer);
        assert_eq!(response(call.poll_until_idle()).headers()["grpc-status"], "16");
        fixture.nothing_received();
        // The token is refused all the same.
        let mut next = fixture.call(get(ME));
        fixture.sent_by(&mut next, "access-1");
    }
}

#[test]
fn a_server_that_names_a_time_is_left_alone_for_so_long() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(get(ME));
    let mut answer = trailers_only("16");
    answer.headers_mut().insert("grpc-retry-pushback-ms", HeaderValue::from_static("1500"));
    fixture.received().1.send_response(answer);
    assert_pending!(call.poll_until_idle());
    assert_eq!(fixture.grant.count(), 1);
    fixture.time.advance(millis(1499));
    assert_pending!(call.poll_until_idle());
    fixture.nothing_received();
    fixture.time.advance(millis(1));
    fixture.sent_by(&mut call, "access-1");
}

#[test]
fn a_replay_has_what_is_left_of_the_deadline() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    let mut call = fixture.call(with_timeout("10S"));
    let (first, respond) = fixture.received();
    assert_eq!(timeout(&first), "10S");
    fixture.time.advance(secs(2));
    respond.send_response(trailers_only("16"));
    assert_pending!(call.poll_until_idle());
    fixture.time.advance(secs(1));
    fixture.grant.gate().open();
    assert_pending!(call.poll_until_idle());
    assert_eq!(timeout(&fixture.received().0), "7000000u");
}

#[test]
fn a_request_that_waited_for_its_token_has_what_is_left_of_the_deadline() {
    let mut fixture = Fixture::expired();
    fixture.grant.gate().close();
    let mut call = fixture.waiting(with_timeout("10S"));
    fixture.time.advance(secs(4));
    fixture.grant.gate().open();
    assert_pending!(call.poll_until_idle());
    let (first, respond) = fixture.received();
    assert_eq!(timeout(&first), "6000000u");
    // And its replay what is left then.
    fixture.time.advance(secs(30));
    respond.send_response(trailers_only("16"));
    let kind = explained(response(call.poll_until_idle()));
    assert_eq!(kind, ErrorKind::TimedOut);
}

/// The task that polls a call is not always the one that has made it.
#[test]
fn the_deadline_of_a_call_that_waits_counts_from_the_call() {
    let mut fixture = Fixture::expired();
    let mut call = fixture.call(with_timeout("5S"));
    fixture.time.advance(secs(3));
    assert_pending!(call.poll_until_idle());
    assert_eq!(timeout(&fixture.received().0), "2000000u");
}

#[test]
fn no_request_waits_longer_than_its_deadline() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    let mut refused = fixture.refused_and_waiting(with_timeout("10S"));
    let mut waiting = fixture.waiting(with_timeout("10S"));
    fixture.time.advance(secs(10));
    assert_eq!(crate::fixture::explained(refused.poll_until_idle()), ErrorKind::TimedOut);
    assert_eq!(our_failure(waiting.poll_until_idle()), ErrorKind::TimedOut);
}

/// The first that can be read decides, whether the call waits for a token or for another one.
#[test]
fn of_two_deadlines_the_first_counts() {
    for mut fixture in [Fixture::new(), Fixture::expired()] {
        let mut twice = with_timeout("10S");
        twice.headers_mut().append("grpc-timeout", HeaderValue::from_static("1S"));
        fixture.grant.gate().close();
        let mut call = fixture.call(twice);
        assert_pending!(call.poll_until_idle());
        if let Poll::Ready(Some((_, respond))) = fixture.server.poll_request() {
            respond.send_response(trailers_only("16"));
        }
        assert_pending!(call.poll_until_idle());
        fixture.time.advance(secs(2));
        assert_pending!(call.poll_until_idle());
    }
}

/// A server that refuses every call: what is sent again it refuses in its trailers.
#[test]
fn a_call_that_is_sent_again_is_accepted_by_its_trailers() {
    let mut fixture = Fixture::new();
    fixture.grant.set_lifetime(Some(secs(3600)));
    for _ in 0..300 {
        let mut call = fixture.call(get(ME));
        assert_pending!(call.poll_until_idle());
        fixture.received().1.send_response(trailers_only("16"));
        let answer = call.poll_until_idle().map(Result::unwrap);
        if answer.is_pending() {
            fixture.received().1.send_response(ended("16"));
            read(response(call.poll_until_idle()).into_body());
        }
        fixture.time.advance(secs(12));
    }
    assert!(fixture.grant.count() <= 15, "{} refreshes in an hour", fixture.grant.count());
}

#[test]
fn a_call_that_is_sent_again_and_ends_well_is_a_new_beginning() {
    let mut fixture = Fixture::new();
    fixture.grant.set_lifetime(Some(secs(3600)));
    for round in 1..=30 {
        let mut call = fixture.call(get(ME));
        assert_pending!(call.poll_until_idle());
        fixture.received().1.send_response(trailers_only("16"));
        assert_pending!(call.poll_until_idle(), "{round}");
        fixture.received().1.send_response(ended("0"));
        read(response(call.poll_until_idle()).into_body());
        fixture.time.advance(secs(12));
    }
}
