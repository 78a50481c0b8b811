//! A refusal that comes before the server has read all of a recorded body.

use futures_util::FutureExt;
use http::StatusCode;
use tokenflight::{BearerLayer, BearerOptions, Error, ErrorKind, GrantError, bearer::ReplayBody};
use tokenflight_test::mock::Step;
use tokio_test::assert_pending;

use super::fixture::{Call, Fixture, Sent, frame, post, ready, status, trailers};
use crate::{
    fixture::{bearer, read, secs, unauthorized},
    scripted::{End, Push, TestBody},
};

/// A body that is filled while it is sent, of a size that is known from the beginning.
fn slow(size: u64) -> (TestBody, Push) {
    let push = Push::default();
    (TestBody::new().end(End::Pushed(push.clone(), size)), push)
}

fn lets_go(sent: Sent) {
    drop(frame(&mut sent.into_body()));
}

/// As a client that goes on with the first send.
fn keeps_reading(sent: Sent) -> ReplayBody<TestBody> {
    let mut body = sent.into_body();
    drop(frame(&mut body));
    body
}

/// A request that is refused when so much of its body has come, the other end of the body, and what
/// the client has of it.
#[track_caller]
fn refused_early<C>(fixture: &mut Fixture, size: u64, come: &'static str, client: fn(Sent) -> C) -> (Call, Push, C) {
    let (body, push) = slow(size);
    push.data(come);
    let mut call = fixture.call(post(body));
    let (sent, respond) = fixture.received();
    let client = client(sent);
    respond.send_response(unauthorized());
    assert_pending!(call.poll_until_idle());
    (call, push, client)
}

/// It used to be a matter of luck over HTTP/1.1.
#[test]
fn a_body_of_known_length_is_read_on_and_sent_again() {
    let body = || TestBody::text("half ").data("and half");
    let whole = Some((b"half and half".to_vec(), None));
    assert_eq!(Fixture::new().replay_after(post(body()), lets_go), whole);
    assert_eq!(Fixture::new().replay_after(post(body()), drop), whole, "unread");
    let mut client = None;
    assert_eq!(Fixture::new().replay_after(post(body()), |sent| client = Some(keeps_reading(sent))), whole);
    // The client may go on with the first send as if nothing had happened.
    assert_eq!(frame(&mut client.unwrap()).unwrap().unwrap().into_data().unwrap(), "and half");
}

#[test]
fn trailers_that_are_there_are_sent_again() {
    let body = || TestBody::text("data").trailers(trailers());
    let whole = Some((b"data".to_vec(), Some(trailers())));
    assert_eq!(Fixture::new().replay_after(post(body()), lets_go), whole);
    assert_eq!(Fixture::new().replay_after(post(body()), |sent| std::mem::forget(keeps_reading(sent))), whole);
    for with_trailers in [true, false] {
        let (body, push) = slow(4);
        push.data("data");
        if with_trailers {
            push.trailers(trailers());
        }
        push.end();
        let expected = (b"data".to_vec(), with_trailers.then(trailers));
        assert_eq!(Fixture::new().replay_after(post(body), lets_go), Some(expected));
    }
}

/// A replay without them would not be the request, and a body of known length has an end.
#[test]
fn trailers_that_come_a_moment_after_the_last_data_are_waited_for() {
    for client_reads in [keeps_reading, Sent::into_body] {
        let mut fixture = Fixture::new();
        let (mut call, push, client) = refused_early(&mut fixture, 4, "data", client_reads);
        assert!(fixture.server.poll_request().is_pending());
        push.trailers(trailers());
        assert!(call.is_woken());
        assert_pending!(call.poll_until_idle());
        push.end();
        assert_pending!(call.poll_until_idle());
        let (data, again, _) = read(fixture.received().0.into_body());
        assert_eq!((data.as_slice(), again), (&b"data"[..], Some(trailers())));
        // The first send goes on as if nothing had happened.
        assert_eq!(read(client).1, Some(trailers()));
    }
}

#[test]
fn an_end_that_does_not_come_is_waited_for_ten_seconds_at_most() {
    let mut fixture = Fixture::new();
    let (mut call, _push, ()) = refused_early(&mut fixture, 4, "data", lets_go);
    fixture.time.advance(secs(10));
    assert_eq!(status(ready(call.poll_until_idle())), StatusCode::UNAUTHORIZED);
}

/// 8 KiB byte by byte, 64 KiB and trailers: what a body is made of does not count if its bytes fit.
#[test]
fn a_body_of_known_length_is_sent_again_however_it_is_divided() {
    for (piece, pieces) in [("x", 8 << 10), (KILO, 64), ("x", 64 << 10)] {
        for with_trailers in [true, false] {
            let (body, push) = slow((piece.len() * pieces) as u64);
            for _ in 0..pieces {
                push.data(piece);
            }
            if with_trailers {
                push.trailers(trailers());
            }
            push.end();
            let (again, trailers) = Fixture::new().replay_after(post(body), lets_go).unwrap();
            assert_eq!((again.len(), trailers.is_some()), (piece.len() * pieces, with_trailers));
        }
    }
}

const KILO: &str = match std::str::from_utf8(&[b'x'; 1024]) {
    Ok(text) => text,
    Err(_) => "",
};

/// Each reader has all of the body in its order, whichever of them reads a piece.
#[test]
fn two_readers_in_turn_have_the_same_body_however_small_its_pieces() {
    const TEXT: &str = "0123456789abcdefghijklmnopqrstuvwxyz";
    let mut fixture = Fixture::new();
    let size = 600;
    let (mut call, push, mut client) = refused_early(&mut fixture, size as u64, "0", keeps_reading);
    let mut had = b"0".to_vec();
    for at in 1..size {
        push.data(&TEXT[at % 36..=at % 36]);
        // The layer reads some pieces, the client others, and some are read by the layer for both.
        match at % 7 {
            0 | 3 => assert_pending!(call.poll_until_idle()),
            1 | 5 | 6 => {
                while let Some(Some(piece)) = http_body_util::BodyExt::frame(&mut client).now_or_never() {
                    had.extend_from_slice(&piece.unwrap().into_data().unwrap());
                }
            }
            _ => {}
        }
    }
    push.end();
    assert_pending!(call.poll_until_idle());
    let again = read(fixture.received().0.into_body()).0;
    had.extend(read(client).0);
    let whole: Vec<u8> = (0..size).map(|at| TEXT.as_bytes()[at % 36]).collect();
    assert!(again == whole && had == whole, "{}\n{}", String::from_utf8_lossy(&again), String::from_utf8_lossy(&had));
}

#[test]
fn the_rest_is_waited_for_while_the_token_is_renewed() {
    let mut fixture = Fixture::new();
    let (mut call, push, ()) = refused_early(&mut fixture, 8, "half", lets_go);
    assert_eq!(fixture.grant.count(), 1);
    push.data("next");
    assert!(call.is_woken());
    // Its length has come, and its end is asked for.
    push.end();
    assert_pending!(call.poll_until_idle());
    let (again, _) = fixture.received();
    assert_eq!(bearer(&again), Some("access-1"));
    assert_eq!(read(again.into_body()).0, b"halfnext");
}

/// Both read the same body; whichever is not polled must not be forgotten.
#[test]
fn a_client_that_reads_on_moves_the_replay_on() {
    let mut fixture = Fixture::new();
    let (mut call, push, mut client) = refused_early(&mut fixture, 8, "half", keeps_reading);
    let mut reading = tokio_test::task::spawn(http_body_util::BodyExt::frame(&mut client));
    assert_pending!(reading.poll());
    push.data("next");
    push.end();
    assert!(reading.is_woken());
    assert!(reading.poll().is_ready());
    assert!(call.is_woken(), "by the client, whose poll was the last");
    drop(reading);
    assert_pending!(call.poll_until_idle());
    assert_eq!(read(fixture.received().0.into_body()).0, b"halfnext");
    assert!(frame(&mut client).is_none());
}

#[test]
fn a_refusal_is_held_for_the_rest_of_a_body_no_longer_than_a_request_may_wait() {
    let mut fixture = Fixture::with(|layer| layer.options(BearerOptions::new().max_wait(secs(3))));
    let (mut call, _push, ()) = refused_early(&mut fixture, 8, "half", lets_go);
    fixture.time.advance(secs(3));
    let answer = ready(call.poll_until_idle()).unwrap();
    assert_eq!(answer.extensions().get::<Error>().map(Error::kind), Some(&ErrorKind::TimedOut));
}

/// Without a limit of the caller's: a body that stalls must not hold a refusal for ever.
#[test]
fn the_rest_of_a_body_is_waited_for_ten_seconds_at_most() {
    let mut fixture = Fixture::new();
    let (mut call, _push, ()) = refused_early(&mut fixture, 8, "half", lets_go);
    fixture.time.advance(secs(10));
    assert_eq!(status(ready(call.poll_until_idle())), StatusCode::UNAUTHORIZED);
}

/// There is no newer token, so the body will not be sent again, and its rest is not waited for.
#[test]
fn a_refusal_is_not_held_for_a_body_that_is_not_to_be_sent_again() {
    let mut fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::not_sent("no connection")));
    let (body, push) = slow(8);
    push.data("half");
    let mut call = fixture.call(post(body));
    let (sent, respond) = fixture.received();
    lets_go(sent);
    respond.send_response(unauthorized());
    assert_eq!(status(ready(call.poll_until_idle())), StatusCode::UNAUTHORIZED);
    assert_eq!(fixture.grant.count(), 1);
}

/// And the other way round: the body will not come to its end, so no token is waited for.
#[test]
fn a_refusal_is_not_held_for_a_token_if_the_body_breaks_off() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    let (body, push) = slow(8);
    push.data("half");
    let mut call = fixture.call(post(body));
    let (sent, respond) = fixture.received();
    lets_go(sent);
    respond.send_response(unauthorized());
    assert_pending!(call.poll_until_idle());
    push.fail();
    assert_eq!(status(ready(call.poll_until_idle())), StatusCode::UNAUTHORIZED);
}

#[test]
fn the_rest_of_a_body_is_waited_for_as_long_as_the_caller_lets_its_request_be_held() {
    let mut fixture = Fixture::with(|layer| layer.options(BearerOptions::new().max_wait(secs(60))));
    let (mut call, push, ()) = refused_early(&mut fixture, 8, "half", lets_go);
    for seconds in [10, 49] {
        fixture.time.advance(secs(seconds));
        assert_pending!(call.poll_until_idle());
    }
    push.data("next");
    push.end();
    assert_pending!(call.poll_until_idle());
    assert_eq!(read(fixture.received().0.into_body()).0, b"halfnext");
}

#[test]
fn without_a_known_end_a_body_is_sent_again_only_if_it_had_ended() {
    let unknown = || Fixture::with(BearerLayer::replay_unknown_length);
    let body = || TestBody::text("one").data("two").end(End::Ends);
    assert_eq!(unknown().replay_after(post(body()), lets_go), None);
    assert_eq!(unknown().replay_after(post(body()), drop), None);
    // Read to its end, although that was not looked at.
    let two = |sent: Sent| {
        let mut body = sent.into_body();
        drop((frame(&mut body), frame(&mut body)));
    };
    assert_eq!(unknown().replay_after(post(body()), two), Some((b"onetwo".to_vec(), None)));
    assert_eq!(unknown().replay_after(post(TestBody::text("one").end(End::Stalls)), lets_go), None);
}

#[test]
fn a_body_that_fails_while_it_is_read_on_is_not_sent_again_and_the_client_has_its_error() {
    let mut fixture = Fixture::new();
    let (body, push) = slow(8);
    push.data("half");
    let mut call = fixture.call(post(body));
    let (sent, respond) = fixture.received();
    let mut client = sent.into_body();
    drop(frame(&mut client));
    push.fail();
    respond.send_response(unauthorized());
    assert_eq!(status(ready(call.poll_until_idle())), StatusCode::UNAUTHORIZED);
    assert!(frame(&mut client).unwrap().is_err());
    assert!(fixture.server.poll_request().is_pending());
}
