//! What a replay is made of, and how often there is one.

use http::Version;

use tokenflight::bearer::Resend;

use crate::fixture::*;

#[derive(Clone, Debug, PartialEq)]
struct Marker(u32);

fn long(length: usize, sensitive: bool) -> HeaderValue {
    let mut value = HeaderValue::try_from("long".repeat(length / 4)).unwrap();
    value.set_sensitive(sensitive);
    value
}

/// A request in which everything is out of the ordinary.
fn odd_request() -> Req {
    let mut request = request(Method::PUT, "https://API.example.com:443/a%20b/?q=1&q=2", "the body");
    *request.version_mut() = Version::HTTP_2;
    request.extensions_mut().insert(Marker(7));
    let headers = request.headers_mut();
    let mut secret = HeaderValue::from_static("session=secret");
    secret.set_sensitive(true);
    headers.append(header::COOKIE, HeaderValue::from_static("a=1"));
    headers.append(header::COOKIE, secret);
    headers.append(header::COOKIE, long(1_000, true));
    headers.append(header::COOKIE, HeaderValue::from_static("a=1"));
    headers.append(header::COOKIE, long(2_000, false));
    headers.insert(HeaderName::from_static("idempotency-key"), HeaderValue::from_static("k-1"));
    headers.insert(HeaderName::from_static("traceparent"), HeaderValue::from_static("00-1-2-01"));
    headers.insert(HeaderName::from_static("x-bytes"), HeaderValue::from_bytes(b"\xff\t\xfe").unwrap());
    headers.insert(HeaderName::from_static("x-empty"), HeaderValue::from_static(""));
    request
}

fn values(request: &Req, name: &HeaderName) -> Vec<(HeaderValue, bool)> {
    request.headers().get_all(name).iter().map(|value| (value.clone(), value.is_sensitive())).collect()
}

fn body(request: Req) -> Bytes {
    now(request.into_body().collect()).unwrap().to_bytes()
}

#[track_caller]
fn assert_same_but_for_the_token(first: Req, again: Req) {
    assert_eq!((first.method(), first.uri(), first.version()), (again.method(), again.uri(), again.version()));
    assert_eq!(first.uri().to_string(), again.uri().to_string(), "not even the spelling changes");
    assert_eq!(first.extensions().get::<Marker>(), again.extensions().get::<Marker>());
    assert_eq!(first.headers().len(), again.headers().len());
    for name in first.headers().keys().filter(|name| *name != header::AUTHORIZATION) {
        assert_eq!(values(&first, name), values(&again, name), "{name}");
    }
    assert_eq!(body(first), body(again));
}

#[test]
fn a_refused_request_is_sent_again_and_only_the_token_is_another() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(odd_request());
    let (first, respond) = fixture.received();
    assert_eq!(bearer(&first), Some("access-0"));
    assert_eq!(first.headers().len(), odd_request().headers().len() + 1);
    respond.send_response(unauthorized());
    assert_pending!(call.poll_until_idle());
    let (again, respond) = fixture.received();
    assert_eq!(bearer(&again), Some("access-1"));
    assert!(again.headers()[header::AUTHORIZATION].is_sensitive());
    assert_same_but_for_the_token(first, again);
    respond.send_response(ok());
    let answer = response(call.poll());
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.extensions().get::<Error>().is_none());
    assert_eq!(fixture.grant.count(), 1);
    fixture.nothing_received();
    fixture.succeeds_with("access-1");
}

/// A jar of cookies: the replay shares its memory.
#[test]
fn a_long_value_is_not_copied() {
    for (length, shared) in [(256, false), (260, true), (16 << 10, true)] {
        let mut fixture = Fixture::new();
        let mut request = get(ME);
        request.headers_mut().insert(header::COOKIE, long(length, false));
        let mut call = fixture.call(request);
        let (first, respond) = fixture.received();
        respond.send_response(unauthorized());
        assert_pending!(call.poll_until_idle());
        let (again, _) = fixture.received();
        let [first, again] = [&first, &again].map(|request| &request.headers()[header::COOKIE]);
        assert_eq!((first, first.as_bytes().as_ptr() == again.as_bytes().as_ptr()), (again, shared), "{length}");
    }
}

#[test]
fn a_request_that_had_waited_for_its_token_is_replayed_as_well() {
    let mut fixture = Fixture::expired();
    let mut call = fixture.waiting(odd_request());
    let (first, respond) = fixture.received();
    fixture.time.advance(secs(20));
    respond.send_response(unauthorized());
    assert_pending!(call.poll_until_idle());
    let (again, respond) = fixture.received();
    assert_eq!((bearer(&first), bearer(&again)), (Some("access-1"), Some("access-2")));
    assert_same_but_for_the_token(first, again);
    respond.send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
}

#[test]
fn every_form_of_uri_survives_the_replay() {
    let long = format!("{API}/{}?{}", "p".repeat(3_000), "q".repeat(3_000));
    let uris = [
        API,
        "https://api.example.com/",
        "https://api.example.com?x=1",
        "https://api.example.com/?",
        "/me?x#",
        "*",
        &long,
    ];
    for uri in uris {
        let mut fixture = Fixture::new().with_sole(API);
        let uri: Uri = uri.parse().unwrap();
        let request = Request::builder().method(Method::OPTIONS).uri(uri.clone()).body(Full::default()).unwrap();
        let mut call = fixture.call(request);
        fixture.received_with("access-0").send_response(unauthorized());
        assert_pending!(call.poll_until_idle());
        let (again, _) = fixture.received();
        assert_eq!((again.uri(), again.uri().to_string()), (&uri, uri.to_string()));
        assert_eq!(again.uri().authority(), uri.authority());
        assert_eq!(bearer(&again), Some("access-1"));
    }
}

#[test]
fn a_request_with_hundreds_of_headers_and_a_large_body_survives_the_replay() {
    let mut fixture = Fixture::new();
    let build = || {
        let mut request = Request::post(ME).body(Full::from(vec![b'x'; 1 << 20])).unwrap();
        for number in 0..300 {
            let name = HeaderName::try_from(format!("x-{}", number % 200)).unwrap();
            request.headers_mut().append(name, HeaderValue::try_from("v".repeat(number)).unwrap());
        }
        request
    };
    let mut call = fixture.call(build());
    let (first, respond) = fixture.received();
    respond.send_response(unauthorized());
    assert_pending!(call.poll_until_idle());
    let (again, _) = fixture.received();
    assert_same_but_for_the_token(first, again);
}

/// One refresh, one replay; the newer token is not worse for it.
#[test]
fn a_second_refusal_is_returned_and_the_new_token_kept() {
    let mut fixture = Fixture::new();
    let mut call = fixture.refused(get(ME));
    fixture.sent_by(&mut call, "access-1").send_response(unauthorized());
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::StillRefused);
    fixture.nothing_received();
    assert_eq!(fixture.grant.count(), 1);
    fixture.time.advance(secs(60));
    fixture.succeeds_with("access-1");
    assert_eq!(fixture.grant.count(), 1);
}

/// When the replay is answered long after the token ceased to be fresh.
#[test]
fn a_late_second_refusal_causes_no_second_refresh_either() {
    let mut fixture = Fixture::new();
    let mut call = fixture.refused(get(ME));
    let respond = fixture.sent_by(&mut call, "access-1");
    fixture.time.advance(secs(60));
    respond.send_response(unauthorized());
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::StillRefused);
    assert_eq!(fixture.grant.count(), 1);
    fixture.succeeds_with("access-1");
}

/// The second refusal says nothing that the clock would not.
#[test]
fn one_more_replay_if_the_new_token_had_run_out_before_its_refusal_and_then_no_more() {
    let mut fixture = Fixture::new();
    let mut call = fixture.refused(get(ME));
    let respond = fixture.sent_by(&mut call, "access-1");
    fixture.time.advance(LIFE);
    respond.send_response(unauthorized());
    let respond = fixture.sent_by(&mut call, "access-2");
    fixture.time.advance(LIFE);
    respond.send_response(unauthorized());
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::StillRefused);
    fixture.nothing_received();
    assert_eq!(fixture.grant.count(), 2);
}

#[test]
fn one_more_replay_if_the_new_token_had_been_replaced_before_its_refusal() {
    let mut fixture = Fixture::new();
    let mut call = fixture.refused(get(ME));
    let respond = fixture.sent_by(&mut call, "access-1");
    fixture.time.advance(secs(60));
    now(fixture.session.refresh()).unwrap();
    respond.send_response(unauthorized());
    fixture.succeeds(&mut call, "access-2");
    assert_eq!(fixture.grant.count(), 2);
}

/// Sent once, its refusal returned, and yet the next request knows.
#[test]
fn without_replays_a_request_is_sent_once_and_the_next_one_gets_a_new_token() {
    let mut fixture = Fixture::with(|builder| builder.configure(|policy| policy.replays = 0));
    let mut call = fixture.refused(odd_request());
    let answer = response(call.poll_until_idle());
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    fixture.nothing_received();
    assert_eq!(fixture.grant.count(), 0, "no task waits for a token");
    fixture.gets_through_with("access-1");
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn the_refusal_of_an_unreplayable_request_has_its_whole_body() {
    let mut fixture = Fixture::with(|builder| builder.configure(|policy| policy.replays = 0));
    let mut call = fixture.call(get(ME));
    let refusal = unauthorized();
    let probe = refusal.body().probe();
    fixture.received().1.send_response(refusal);
    let answer = response(call.poll_until_idle());
    assert_eq!((probe.polls(), probe.drops()), (0, 0));
    assert_eq!(read(answer.into_body()).0, b"no");
}

/// What is current when the replay is sent, not what was current when it was decided.
#[test]
fn a_token_that_is_replaced_while_the_replay_waits_for_readiness_is_replaced_in_the_replay() {
    let mut fixture = Fixture::new();
    let mut call = fixture.refused(get(ME));
    fixture.server.allow(0);
    assert_pending!(call.poll_until_idle());
    assert_eq!(fixture.grant.count(), 1);
    fixture.nothing_received();
    fixture.time.advance(secs(60));
    now(fixture.session.refresh()).unwrap();
    fixture.server.allow(1);
    fixture.succeeds(&mut call, "access-2");
    assert_eq!(fixture.grant.count(), 2);
    fixture.nothing_received();
}

#[test]
fn a_token_that_is_replaced_while_the_first_send_waits_for_readiness_is_replaced_in_it() {
    let mut fixture = Fixture::expired();
    let mut call = fixture.call(get(ME));
    fixture.server.allow(0);
    assert_pending!(call.poll_until_idle());
    fixture.time.advance(secs(60));
    now(fixture.session.refresh()).unwrap();
    fixture.server.allow(1);
    drop(fixture.sent_by(&mut call, "access-2"));
}

/// A lifetime of zero is good for those who waited for it.
#[test]
fn a_token_without_a_lifetime_is_still_good_for_the_request_that_waited_for_it() {
    let mut fixture = Fixture::new();
    fixture.grant.set_lifetime(Some(secs(0)));
    let mut call = fixture.refused(get(ME));
    fixture.succeeds(&mut call, "access-1");
    assert_eq!(fixture.grant.count(), 1);
}

/// A client behind the application's own retries, or behind another layer.
#[test]
fn what_has_been_sent_before_is_counted_on() {
    let mut fixture = Fixture::new();
    let mut again = get(ME);
    again.extensions_mut().insert(Resend(2));
    let mut call = fixture.refused(again);
    assert_pending!(call.poll_until_idle());
    assert_eq!(fixture.received().0.extensions().get(), Some(&Resend(3)));
}
