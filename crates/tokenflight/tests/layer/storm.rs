//! Servers that refuse everything cost few refreshes; only who was sent a token can refuse it.

use std::collections::VecDeque;

use crate::fixture::*;

/// The default of `Policy::storm_limit`.
const LIMIT: usize = 10;

/// Sends a request to a server that refuses whatever it is sent; says why it came back.
#[track_caller]
fn refused_twice(fixture: &mut Fixture, uri: &str) -> ErrorKind {
    let mut call = fixture.waiting(get(uri));
    fixture.received().1.send_response(unauthorized());
    let polled = call.poll_until_idle();
    if polled.is_ready() {
        return explained(polled);
    }
    fixture.received().1.send_response(unauthorized());
    explained(call.poll_until_idle())
}

fn exhausted() -> Fixture {
    let mut fixture = Fixture::new();
    for round in 1..=LIMIT {
        assert_eq!(refused_twice(&mut fixture, ME), ErrorKind::StillRefused, "round {round}");
        assert_eq!(fixture.grant.count(), round);
        fixture.time.advance(secs(20));
    }
    fixture
}

#[test]
fn a_server_that_refuses_everything_costs_ten_refreshes_in_ten_minutes() {
    let mut fixture = exhausted();
    for _ in 0..90 {
        assert_eq!(refused_twice(&mut fixture, ME), ErrorKind::Futile);
        fixture.nothing_received();
        fixture.time.advance(secs(2));
    }
    assert_eq!(fixture.grant.count(), LIMIT);
    fixture.time.advance(secs(1200));
    now(fixture.session.token()).unwrap();
    fixture.time.advance(secs(20));
    assert_eq!(refused_twice(&mut fixture, ME), ErrorKind::StillRefused, "ten minutes after the rest it is forgiven");
}

/// One path of it is always refused, and another accepts what it is sent between any two refusals.
#[test]
fn what_a_server_accepts_meanwhile_does_not_forgive_what_it_refuses() {
    let mut fixture = Fixture::new();
    fixture.grant.set_lifetime(Some(secs(3600)));
    for _ in 0..50 {
        fixture.succeeds_with(&format!("access-{}", fixture.grant.count()));
        let _ = refused_twice(&mut fixture, "https://api.example.com/admin");
        fixture.time.advance(secs(12));
    }
    assert!(fixture.grant.count() <= LIMIT, "{} refreshes in ten minutes", fixture.grant.count());
}

#[test]
fn requests_in_quick_succession_to_such_a_server_cost_one_refresh() {
    let mut fixture = Fixture::new();
    assert_eq!(refused_twice(&mut fixture, ME), ErrorKind::StillRefused);
    for _ in 0..100 {
        assert_eq!(refused_twice(&mut fixture, ME), ErrorKind::FreshRefused);
        fixture.time.advance(millis(90));
    }
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn a_futile_refusal_leaves_the_token_good_for_all_others() {
    let mut fixture = exhausted();
    assert_eq!(refused_twice(&mut fixture, ME), ErrorKind::Futile);
    let token = format!("access-{LIMIT}");
    let mut call = fixture.call(get(&format!("{OTHER}/")));
    fixture.received_with(&token).send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
    assert_eq!(fixture.grant.count(), LIMIT);
}

#[test]
fn another_origins_refusals_are_counted_for_themselves() {
    let mut fixture = exhausted();
    assert_eq!(refused_twice(&mut fixture, ME), ErrorKind::Futile);
    let mut call = fixture.refused(get(&format!("{OTHER}/")));
    fixture.succeeds(&mut call, "access-11");
    assert_eq!(fixture.grant.count(), LIMIT + 1);
    fixture.time.advance(secs(20));
    assert_eq!(refused_twice(&mut fixture, ME), ErrorKind::Futile, "its success is not the first one's");
}

/// Requests without an authority, as tonic and kube make them.
#[test]
fn a_sole_destinations_refusals_are_not_held_against_another() {
    let mut fixture = exhausted().with_sole(API);
    assert_eq!(refused_twice(&mut fixture, "/"), ErrorKind::Futile);
    fixture = fixture.with_sole(OTHER);
    let mut call = fixture.refused(get("/"));
    fixture.succeeds(&mut call, "access-11");
}

/// Nine origins refuse the token and the token endpoint is down: the tenth has never refused it.
#[test]
fn many_refusals_do_not_take_the_token_from_an_origin_that_never_refused_it() {
    let mut fixture = Fixture::new();
    let origins: Vec<_> = (0..40).map(|number| format!("https://api-{number}.example.com")).collect();
    let layer = BearerLayer::new(fixture.session.clone(), Origins::new(&origins).unwrap());
    (fixture.client, fixture.server) = mock::spawn_layer(layer);
    let (last, refusing) = origins.split_last().unwrap();
    for _ in 0..200 {
        fixture.grant.push(Step::Fail(GrantError::not_sent("down")));
    }
    for origin in refusing {
        let mut call = fixture.call(get(origin));
        fixture.sent_by(&mut call, "access-0").send_response(unauthorized());
        assert!(call.poll_until_idle().is_ready());
    }
    let mut call = fixture.call(get(last));
    fixture.sent_by(&mut call, "access-0");
}

#[test]
fn a_successful_replay_is_a_new_beginning() {
    let mut fixture = Fixture::new();
    for round in 1..=3 * LIMIT {
        let mut call = fixture.refused(get(ME));
        assert_pending!(call.poll_until_idle(), "round {round}");
        fixture.received().1.send_response(ok());
        assert_eq!(status(call.poll_until_idle()), StatusCode::OK);
        fixture.time.advance(secs(12));
    }
    assert_eq!(fixture.grant.count(), 3 * LIMIT);
}

/// A new token ends the old one, so that what is under way is refused, sent again and accepted. An
/// upload is never sent again, and its path refuses every token.
#[test]
fn what_is_sent_again_and_accepted_does_not_forgive_what_is_not_sent_again() {
    let mut fixture = Fixture::new();
    fixture.grant.set_lifetime(Some(secs(3600)));
    for _ in 0..50 {
        let mut slow = fixture.waiting(get(ME));
        let (_, respond) = fixture.received();
        let mut upload = request(Method::POST, "https://api.example.com/upload", "large");
        upload.extensions_mut().insert(BearerOptions::new().never_replay());
        let before = fixture.grant.count();
        let _ = fixture.refused(upload).poll_until_idle();
        let _ = fixture.session.token().now_or_never();
        if fixture.grant.count() > before {
            respond.send_response(unauthorized());
            assert_pending!(slow.poll_until_idle());
            fixture.received().1.send_response(ok());
        } else {
            respond.send_response(ok());
        }
        assert_eq!(status(slow.poll_until_idle()), StatusCode::OK);
        fixture.time.advance(secs(12));
    }
    assert!(fixture.grant.count() <= LIMIT, "{} refreshes in ten minutes", fixture.grant.count());
}

/// At that generation.
#[test]
fn refusals_of_replaced_tokens_are_not_counted() {
    let mut fixture = Fixture::new();
    let late: Vec<_> = (0..3 * LIMIT).map(|_| (fixture.call(get(ME)), fixture.received().1)).collect();
    let mut first = fixture.refused(get(ME));
    fixture.sent_by(&mut first, "access-1").send_response(unauthorized());
    assert_eq!(explained(first.poll_until_idle()), ErrorKind::StillRefused);
    for (mut call, respond) in late {
        respond.send_response(unauthorized());
        fixture.sent_by(&mut call, "access-1").send_response(unauthorized());
        assert_eq!(explained(call.poll_until_idle()), ErrorKind::StillRefused);
    }
    assert_eq!(fixture.grant.count(), 1);
    fixture.time.advance(secs(20));
    assert_eq!(refused_twice(&mut fixture, ME), ErrorKind::StillRefused, "one of ten");
    assert_eq!(fixture.grant.count(), 2);
}

/// How many refreshes requests cost that are never sent again, a stream or an upload: to each of
/// these in turn, one every twelve seconds, and each is refused.
fn refreshes_without_replays(lifetime: Option<Duration>, requests: usize, uris: &[&str]) -> usize {
    let mut fixture = Fixture::new().layered(|layer| layer.options(BearerOptions::new().never_replay()));
    fixture.grant.set_lifetime(lifetime);
    for uri in uris.iter().cycle().take(requests) {
        let mut call = fixture.call(get(uri));
        let _ = call.poll_until_idle();
        if let Poll::Ready(Some((_, respond))) = fixture.server.poll_request() {
            respond.send_response(unauthorized());
        }
        let _ = call.poll_until_idle();
        let _ = fixture.session.token().now_or_never();
        fixture.time.advance(secs(12));
    }
    fixture.grant.count()
}

#[test]
fn requests_that_are_not_sent_again_cost_ten_refreshes_in_ten_minutes() {
    let refreshes = refreshes_without_replays(Some(secs(3600)), 50, &[ME]);
    assert!(refreshes <= LIMIT, "{refreshes} refreshes in ten minutes");
}

#[test]
fn tokens_of_unknown_lifetime_cost_ten_refreshes_in_ten_minutes_as_well() {
    let refreshes = refreshes_without_replays(None, 50, &[ME]);
    assert!(refreshes <= LIMIT, "{refreshes} refreshes in ten minutes");
}

/// Between two refusals by one of them lies a token that the other has refused.
#[test]
fn two_servers_that_refuse_everything_in_turn_cost_ten_refreshes_each_in_ten_minutes() {
    let refreshes = refreshes_without_replays(Some(secs(3600)), 100, &[ME, "https://other.example.com/"]);
    assert!(refreshes <= 4 * LIMIT, "{refreshes} refreshes in twenty minutes");
}

fn grpc_refusal() -> Res {
    let trailers = HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("16"))]);
    let mut response = Response::new(TestBody::text("message").trailers(trailers));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// A gRPC server that refuses every call in its trailers.
#[test]
fn calls_that_are_refused_in_their_trailers_cost_ten_refreshes_in_ten_minutes() {
    let mut fixture = Fixture::new();
    fixture.grant.set_lifetime(Some(secs(3600)));
    for _ in 0..50 {
        let mut call = fixture.call(get(ME));
        let _ = call.poll_until_idle();
        let Poll::Ready(Some((_, respond))) = fixture.server.poll_request() else { panic!("nothing was sent") };
        respond.send_response(grpc_refusal());
        let _ = read(response(call.poll_until_idle()).into_body());
        let _ = fixture.session.token().now_or_never();
        fixture.time.advance(secs(12));
    }
    assert!(fixture.grant.count() <= LIMIT, "{} refreshes in ten minutes", fixture.grant.count());
}

/// An endpoint that takes 41 s for each refusal: a request every ten seconds, for twenty minutes.
#[test]
fn a_slow_server_that_refuses_everything_costs_ten_refreshes_in_ten_minutes() {
    let mut fixture = Fixture::new();
    fixture.grant.set_lifetime(Some(secs(3600)));
    let (mut calls, mut answers) = (Vec::new(), VecDeque::new());
    for second in 0..1200 {
        if second % 10 == 0 {
            calls.push(fixture.call(get(ME)));
        }
        while answers.front().is_some_and(|(due, _)| *due <= second) {
            let (_, respond): (_, SendResponse<_>) = answers.pop_front().unwrap();
            respond.send_response(unauthorized());
        }
        calls.retain_mut(|call| call.poll_until_idle().is_pending());
        while let Poll::Ready(Some((_, respond))) = fixture.server.poll_request() {
            answers.push_back((second + 41, respond));
        }
        fixture.time.advance(secs(1));
    }
    assert!(
        fixture.grant.count() < 2 * LIMIT,
        "{} refreshes: ten in ten minutes, and ever fewer",
        fixture.grant.count()
    );
}

/// Where nothing counts as fresh, as in the examples, the guard against storms is off as well.
#[test]
fn without_a_fresh_window_a_server_that_refuses_everything_costs_ten_refreshes_in_ten_minutes() {
    let mut fixture = Fixture::with(|builder| builder.configure(|policy| policy.fresh_window = Duration::ZERO));
    fixture.grant.set_lifetime(Some(secs(3600)));
    for _ in 0..60 {
        let mut call = fixture.call(get(ME));
        let _ = call.poll_until_idle();
        for _ in 0..2 {
            if let Poll::Ready(Some((_, respond))) = fixture.server.poll_request() {
                respond.send_response(unauthorized());
                if call.poll_until_idle().is_ready() {
                    break;
                }
            }
        }
        fixture.time.advance(secs(10));
    }
    assert!(fixture.grant.count() <= LIMIT, "{} refreshes in ten minutes", fixture.grant.count());
}
