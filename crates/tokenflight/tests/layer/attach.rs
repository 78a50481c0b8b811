//! On which requests the token goes, and how.

use tokenflight::NoToken;

use crate::fixture::*;

#[test]
fn the_token_is_attached_exactly_once_and_marked_sensitive() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(get(ME));
    assert_pending!(call.poll());
    let (request, respond) = fixture.received();
    let values: Vec<_> = request.headers().get_all(header::AUTHORIZATION).iter().collect();
    assert_eq!(values, ["Bearer access-0"]);
    assert!(values[0].is_sensitive());
    assert!(!format!("{request:?}").contains("access-0"));
    assert_eq!(request.uri(), ME, "never in the URI");
    assert!(!request.headers().contains_key(header::PROXY_AUTHORIZATION), "no proxy's");
    respond.send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
}

#[test]
fn a_usable_token_goes_out_within_call_and_without_a_box() {
    let mut fixture = Fixture::new();
    let future = {
        assert!(fixture.client.poll_ready::<Request<Full<_>>>().is_ready());
        fixture.client.call(get(ME))
    };
    assert_eq!(format!("{future:?}"), "BearerFuture(first)");
    drop(fixture.received());
}

/// A client may send only when its future is polled. Whatever turn the renewal beside it takes, the
/// token that goes out then is the current one: a server may end the old one when it renews.
#[test]
fn a_renewal_beside_a_request_never_overtakes_it() {
    for yields in 0..6 {
        let grant = MockGrant::new();
        grant.set_yields(yields);
        let (_time, session) = logged_in(grant.clone());
        // A refresh that its caller has given up: the next request carries it on.
        assert!(session.refresh().now_or_never().is_none() || yields == 0);
        let behind = session.clone();
        let lazy = tower::service_fn(move |request: Req| {
            let session = behind.clone();
            async move {
                let current = format!("Bearer access-{}", session.state().generation.get() - 1);
                assert_eq!(request.headers()[header::AUTHORIZATION], *current, "after {yields} turns");
                tokio::task::yield_now().await;
                Ok::<_, BoxError>(ok())
            }
        });
        let mut client = BearerLayer::new(session, Origins::new([API]).unwrap()).layer(lazy);
        let mut call = task::spawn(client.call(get(ME)));
        let answer = (0..20).find_map(|_| match call.poll() {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        });
        assert_eq!(answer.unwrap().unwrap().status(), StatusCode::OK);
        assert_eq!(grant.count(), 1);
    }
}

/// For what is not a request: what [`Bearer::authorization`](tokenflight::Bearer::authorization)
/// hands out is what a request would carry.
#[test]
fn the_header_alone_is_the_current_one_and_never_an_expired_one() {
    let mut fixture = Fixture::new();
    let header = fixture.client.get_mut().authorization().unwrap();
    assert_eq!(header, "Bearer access-0");
    assert!(header.is_sensitive());
    fixture.log_in("access-1", LIFE);
    assert_eq!(fixture.client.get_mut().authorization().unwrap(), "Bearer access-1");
    fixture.time.advance(LIFE);
    assert_eq!(fixture.client.get_mut().authorization(), None, "expired");
}

/// The refusal joins a refresh that another caller asked for, and withdraws the token all the same.
#[test]
fn a_token_that_is_refused_while_it_is_renewed_is_not_handed_out() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    let session = fixture.session.clone();
    let mut renewal = task::spawn(session.refresh());
    assert_pending!(renewal.poll());
    assert!(fixture.client.get_mut().authorization().is_some(), "as good as before");
    // Without a driver a request keeps the refresh moving: it is sent when it is polled.
    let mut call = fixture.call(get(ME));
    assert_pending!(call.poll());
    fixture.received().1.send_response(unauthorized());
    assert_pending!(call.poll());
    assert_eq!(fixture.client.get_mut().authorization(), None);
}

#[test]
fn the_body_of_a_success_is_the_servers_own() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(get(ME));
    let answer = ok();
    let probe = answer.body().probe();
    fixture.received().1.send_response(answer);
    let answer = response(call.poll());
    assert_eq!((probe.polls(), probe.drops()), (0, 0), "it is not touched on the way");
    assert_eq!(read(answer.into_body()).0, b"here you are");
}

/// The credential that is refused here is not ours.
#[test]
fn the_callers_own_authorization_is_left_alone_and_never_retried() {
    for own in ["Basic dXNlcjpwYXNz", "Bearer mine", "Negotiate x"] {
        let mut fixture = Fixture::new();
        let mut request = get(ME);
        request.headers_mut().insert(header::AUTHORIZATION, HeaderValue::from_static(own));
        let mut call = fixture.call(request);
        let (request, respond) = fixture.received();
        assert_eq!(request.headers()[header::AUTHORIZATION], own);
        respond.send_response(unauthorized());
        let answer = response(call.poll());
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(answer.extensions().get::<Error>().is_none());
        fixture.nothing_received();
        assert_eq!(fixture.grant.count(), 0);
        fixture.succeeds_with("access-0");
    }
}

/// A server that was not sent our token cannot refuse it.
#[test]
fn a_request_to_a_foreign_origin_passes_untouched_and_its_refusal_means_nothing() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(get("https://evil.example.com/me"));
    let (request, respond) = fixture.received();
    assert!(!request.headers().contains_key(header::AUTHORIZATION));
    respond.send_response(unauthorized());
    assert_eq!(status(call.poll()), StatusCode::UNAUTHORIZED);
    fixture.nothing_received();
    assert_eq!(fixture.grant.count(), 0);
    fixture.succeeds_with("access-0");
}

#[test]
fn a_connect_request_passes_untouched() {
    let mut fixture = Fixture::new();
    for uri in ["api.example.com:443", ME] {
        let _call = fixture.call(Request::builder().method(Method::CONNECT).uri(uri).body(Full::default()).unwrap());
        let (request, _) = fixture.received();
        assert!(!request.headers().contains_key(header::AUTHORIZATION));
    }
}

/// Its answer repeats the request, credentials included (RFC 9110 §9.3.8).
#[test]
fn a_trace_request_passes_untouched() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(request(Method::TRACE, ME, ""));
    let (request, respond) = fixture.received();
    assert_eq!(bearer(&request), None);
    respond.send_response(unauthorized());
    assert_eq!(response(call.poll()).extensions().get(), Some(&NoToken::Trace));
}

/// RFC 8441: a WebSocket over HTTP/2 is a request to the origin.
#[cfg(feature = "extended-connect")]
#[test]
fn an_extended_connect_request_gets_the_token() {
    let mut fixture = Fixture::new();
    for (uri, expected) in [(ME, Some("access-0")), ("https://elsewhere.example.com/", None)] {
        let mut request = Request::builder().method(Method::CONNECT).uri(uri).body(Full::default()).unwrap();
        request.extensions_mut().insert(hyper::ext::Protocol::from_static("websocket"));
        let _call = fixture.call(request);
        assert_eq!(bearer(&fixture.received().0), expected, "{uri}");
    }
}

/// A forgotten origin would be silent otherwise.
#[test]
fn a_401_for_a_request_that_had_no_token_says_why() {
    let mut fixture = Fixture::new();
    let own = || Request::get(ME).header(header::AUTHORIZATION, "Basic x");
    let without = BearerOptions::new().without_token();
    let requests = [
        (get("https://elsewhere.example.com/"), NoToken::Unlisted),
        (get("/me"), NoToken::NoAuthority),
        (own().body(Full::default()).unwrap(), NoToken::OwnAuthorization),
        (Request::get(ME).header(header::HOST, "evil.com").body(Full::default()).unwrap(), NoToken::OtherHost),
        (Request::get(ME).extension(without).body(Full::default()).unwrap(), NoToken::Option),
        (Request::connect("api.example.com:443").body(Full::default()).unwrap(), NoToken::Connect),
    ];
    for (request, why) in requests {
        let mut call = fixture.call(request);
        let respond = fixture.received().1;
        respond.send_response(unauthorized());
        let response = response(call.poll());
        assert_eq!((response.status(), response.extensions().get()), (StatusCode::UNAUTHORIZED, Some(&why)));
    }
    let mut call = fixture.call(get("https://elsewhere.example.com/"));
    fixture.received().1.send_response(ok());
    assert_eq!(response(call.poll()).extensions().get::<NoToken>(), None, "nothing to explain");
    let mut fixture = Fixture::new().layered(BearerLayer::below_redirects);
    let mut call = fixture.refused(get(ME));
    assert_eq!(response(call.poll()).extensions().get(), Some(&NoToken::Redirected));
}

/// tonic's most frequent mistake is a missing `Origins::sole`, and the refusal of a gRPC server has
/// the status 200.
#[test]
fn a_refusal_in_other_words_of_a_request_that_had_no_token_says_why() {
    let grpc = |code: &'static str| {
        let mut answer = ok();
        answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        answer.headers_mut().insert("grpc-status", HeaderValue::from_static(code));
        answer
    };
    let forbidden = || {
        let mut answer = ok();
        *answer.status_mut() = StatusCode::FORBIDDEN;
        answer
    };
    for (answer, also, why) in [
        (grpc("16"), false, Some(&NoToken::NoAuthority)),
        (grpc("7"), false, None),
        (forbidden(), true, Some(&NoToken::NoAuthority)),
        (forbidden(), false, None),
    ] {
        let mut fixture = Fixture::new().layered(|layer| match also {
            true => layer.refused_when(|status, _| status == StatusCode::FORBIDDEN),
            false => layer,
        });
        let mut call = fixture.call(get("/grpc.health.v1.Health/Check"));
        fixture.received().1.send_response(answer);
        assert_eq!(response(call.poll()).extensions().get(), why);
    }
}

#[test]
fn a_foreign_request_needs_no_token_and_waits_for_none() {
    let mut fixture = Fixture::blank(|builder| builder);
    let mut call = fixture.call(get("https://elsewhere.example.com/"));
    fixture.received().1.send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
}

#[test]
fn without_a_login_the_error_is_ours_and_nothing_is_sent() {
    let mut fixture = Fixture::blank(|builder| builder);
    let mut call = fixture.call(get(ME));
    let error = failure(call.poll_until_idle());
    let error = error.downcast_ref::<Error>().unwrap();
    assert_eq!(error.kind(), &ErrorKind::NotLoggedIn);
    assert!(error.needs_login());
    fixture.nothing_received();
}

#[test]
fn after_a_logout_the_error_says_so() {
    let mut fixture = Fixture::new();
    now(fixture.session.logout()).unwrap();
    let mut call = fixture.call(get(ME));
    assert_eq!(our_failure(call.poll_until_idle()), ErrorKind::LoggedOut);
    fixture.nothing_received();
}

#[test]
fn an_ended_session_fails_every_request_after_one_token_request() {
    let mut fixture = Fixture::expired();
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    for _ in 0..3 {
        let mut call = fixture.call(get(ME));
        assert!(
            matches!(our_failure(call.poll_until_idle()), ErrorKind::Ended(reason) if reason.code() == "invalid_grant")
        );
    }
    assert_eq!(fixture.grant.count(), 1);
    fixture.nothing_received();
}

#[test]
fn an_expired_token_is_replaced_before_the_request_is_sent() {
    let mut fixture = Fixture::expired();
    let mut call = fixture.call(get(ME));
    fixture.nothing_received();
    fixture.succeeds(&mut call, "access-1");
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn without_a_driver_a_token_within_its_lead_is_used_until_it_expires() {
    let mut fixture = Fixture::new();
    fixture.time.advance(LIFE - secs(70));
    fixture.gets_through_with("access-0");
    assert_eq!(fixture.grant.count(), 0, "a program may not live to store the answer");
    fixture.time.advance(secs(20));
    fixture.gets_through_with("access-1");
}

#[test]
fn all_listed_origins_share_the_token() {
    let mut fixture = Fixture::new();
    for origin in [API, OTHER] {
        let _call = fixture.call(get(&format!("{origin}/")));
        drop(fixture.received_with("access-0"));
    }
}

#[test]
fn a_clone_of_the_client_shares_the_session() {
    let mut fixture = Fixture::new();
    fixture.client = fixture.client.clone();
    fixture.succeeds_with("access-0");
    let mut call = fixture.refused(get(ME));
    drop(fixture.sent_by(&mut call, "access-1"));
    fixture.client = fixture.client.clone();
    fixture.time.advance(secs(20));
    fixture.succeeds_with("access-1");
}

/// The refusal of a token that was issued a moment ago is about something else.
#[test]
fn a_fresh_tokens_refusal_is_returned_without_a_refresh() {
    let mut fixture = Fixture::new();
    fixture.log_in("access-0", LIFE);
    fixture.time.advance(secs(9));
    let mut call = fixture.refused(get(ME));
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::FreshRefused);
    assert_eq!((fixture.grant.count(), fixture.session.state().fresh_refused), (0, 1));
    fixture.succeeds_with("access-0");
    fixture.time.advance(secs(1));
    let mut call = fixture.refused(get(ME));
    drop(fixture.sent_by(&mut call, "access-1"));
}
