//! Bodies that cannot be cloned: recorded while sent, and played back only when whole.

mod early;
mod fixture;

use std::task::Poll;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt;
use tokenflight::{BearerLayer, bearer::ReplayBody};
use tokio_test::{assert_pending, task};

use crate::{
    fixture::{bearer, now, ok, read, unauthorized},
    scripted::{Broken, End, Probe, Push, TestBody},
};

use self::fixture::{Fixture, Sent, frame, grpc, post, ready, status, trailers};

#[test]
fn a_body_is_sent_again_as_it_was_read() {
    for (body, expected) in [
        (TestBody::new(), ""),
        (TestBody::text("one piece"), "one piece"),
        (TestBody::text("two ").data("pieces"), "two pieces"),
        (TestBody::text("").data("").data("three"), "three"),
    ] {
        assert_eq!(Fixture::new().replay_of(body), Some((expected.into(), None)));
    }
}

#[test]
fn trailers_are_sent_again() {
    let body = TestBody::text("data").trailers(trailers());
    assert_eq!(Fixture::new().replay_of(body), Some((b"data".into(), Some(trailers()))));
    let body = TestBody::new().trailers(trailers());
    assert_eq!(Fixture::new().replay_of(body), Some((vec![], Some(trailers()))));
}

/// Over HTTP/1.1 a body of a stated size has no trailers.
#[test]
fn a_replay_with_trailers_states_its_size_if_the_original_did() {
    for (end, size) in [(End::Clean, Some(4)), (End::Ends, None)] {
        let mut fixture = Fixture::with(BearerLayer::replay_unknown_length);
        let mut call = fixture.call(post(TestBody::text("data").trailers(trailers()).end(end)));
        let (first, respond) = fixture.received();
        assert_eq!(first.body().size_hint().exact(), size);
        read(first.into_body());
        respond.send_response(unauthorized());
        assert_pending!(call.poll_until_idle());
        let again = fixture.received().0.into_body();
        assert_eq!(again.size_hint().exact(), size);
        assert_eq!(read(again).1, Some(trailers()));
    }
}

/// What is in memory needs no reading first: a server may refuse before the client reads anything.
#[test]
fn a_body_of_one_piece_is_sent_again_although_it_was_not_read() {
    let unread = |sent: Sent| drop(sent);
    assert_eq!(Fixture::new().replay_after(post(TestBody::text("whole")), unread), Some((b"whole".into(), None)));
    assert_eq!(Fixture::new().replay_after(post(TestBody::new()), unread), Some((vec![], None)));
}

/// The compiler's `memcpy` apart, a replay shares the bytes of the first send.
#[test]
fn no_bytes_are_copied() {
    let mut fixture = Fixture::new();
    let data = Bytes::from(vec![b'x'; 1000]);
    let mut call = fixture.call(post(TestBody::text(data.clone()).data(data.clone())));
    let (first, respond) = fixture.received();
    let all = |mut body: ReplayBody<TestBody>| {
        for _ in 0..2 {
            assert_eq!(frame(&mut body).unwrap().unwrap().into_data().unwrap().as_ptr(), data.as_ptr());
        }
        assert!(frame(&mut body).is_none());
    };
    all(first.into_body());
    respond.send_response(unauthorized());
    assert_pending!(call.poll_until_idle());
    all(fixture.received().0.into_body());
}

#[test]
fn the_body_that_is_sent_has_the_size_and_the_end_of_the_original() {
    let cases: [fn() -> TestBody; 5] = [
        TestBody::new,
        || TestBody::text("abc"),
        || TestBody::text("abc").data("de"),
        || TestBody::text("abc").trailers(trailers()),
        || TestBody::text("abc").end(End::Stalls),
    ];
    for make in cases {
        let mut fixture = Fixture::with(BearerLayer::replay_unknown_length);
        let mut original = make();
        let _call = fixture.call(post(make()));
        let mut sent = fixture.received().0.into_body();
        loop {
            let (hint, known) = (sent.size_hint(), original.size_hint());
            assert_eq!((hint.lower(), hint.upper()), (known.lower(), known.upper()));
            assert_eq!(sent.is_end_stream(), original.is_end_stream());
            let mut task = task::spawn(());
            let (ours, theirs) = task.enter(|cx, _| {
                (std::pin::pin!(&mut sent).poll_frame(cx), std::pin::pin!(&mut original).poll_frame(cx))
            });
            match (ours, theirs) {
                (Poll::Ready(Some(Ok(ours))), Poll::Ready(Some(Ok(theirs)))) => {
                    assert_eq!((ours.data_ref(), ours.trailers_ref()), (theirs.data_ref(), theirs.trailers_ref()));
                }
                (Poll::Ready(None), Poll::Ready(None)) | (Poll::Pending, Poll::Pending) => break,
                other => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn a_body_that_failed_is_not_sent_again() {
    let mut fixture = Fixture::with(BearerLayer::replay_unknown_length);
    assert_eq!(fixture.replay_of(TestBody::text("data").end(End::Broken)), None);
}

#[test]
fn an_error_of_the_body_reaches_the_client_as_it_is() {
    let mut fixture = Fixture::with(BearerLayer::replay_unknown_length);
    let _call = fixture.call(post(TestBody::text("data").end(End::Broken)));
    let (data, _, error) = read(fixture.received().0.into_body());
    let error: Broken = error.unwrap();
    assert_eq!((data.as_slice(), error.to_string().as_str()), (&b"data"[..], "the body broke off"));
}

#[test]
fn a_body_of_unknown_length_is_only_recorded_if_asked_for() {
    let unknown = || TestBody::text("a").data("b").end(End::Ends);
    assert_eq!(Fixture::new().replay_of(unknown()), None);
    assert_eq!(Fixture::with(BearerLayer::replay_unknown_length).replay_of(unknown()), Some((b"ab".into(), None)));
}

#[test]
fn a_body_up_to_the_limit_is_recorded_and_one_byte_more_is_not() {
    let fits = Bytes::from(vec![b'x'; 64 * 1024]);
    let larger = Bytes::from(vec![b'x'; 64 * 1024 + 1]);
    assert_eq!(Fixture::new().replay_of(TestBody::text(fits.clone())).unwrap().0.len(), fits.len());
    assert_eq!(Fixture::new().replay_of(TestBody::text(larger.clone())), None);
    let limited = || Fixture::with(|layer| layer.replay_limit(100));
    assert!(limited().replay_of(TestBody::text(vec![b'x'; 60]).data(vec![b'x'; 40])).is_some());
    assert!(limited().replay_of(TestBody::text(vec![b'x'; 60]).data(vec![b'x'; 41])).is_none());
    // It is not known before it is read.
    let unknown = |bytes: usize| TestBody::text(vec![b'x'; 60]).data(vec![b'x'; bytes]).end(End::Ends);
    let limited = || Fixture::with(|layer| layer.replay_limit(100).replay_unknown_length());
    assert!(limited().replay_of(unknown(40)).is_some());
    assert!(limited().replay_of(unknown(41)).is_none());
    let mut fixture = Fixture::with(|layer| layer.replay_limit(100));
    assert!(fixture.replay_after(grpc(TestBody::text(vec![b'x'; 101]).end(End::Ends)), drop).is_none());
}

/// Very many very small pieces are kept as few larger ones: their bytes alone count.
#[test]
fn small_pieces_take_no_more_room_than_their_bytes() {
    let pieces = |count: usize| (0..count).fold(TestBody::new(), |body, _| body.data("x").data(""));
    let unknown = |count| pieces(count).end(End::Ends);
    let limited = || Fixture::with(|layer| layer.replay_limit(400).replay_unknown_length());
    for body in [pieces(400), unknown(400)] {
        assert_eq!(limited().replay_of(body).unwrap().0.len(), 400);
    }
    for body in [pieces(401), unknown(401)] {
        assert_eq!(limited().replay_of(body), None);
    }
}

/// They have no bytes, and come as fast as they are asked for.
#[test]
fn a_body_of_empty_pieces_without_an_end_is_not_read_for_ever() {
    let mut fixture = Fixture::with(BearerLayer::replay_unknown_length);
    let (body, push) = (TestBody::text("x"), Push::default());
    for _ in 0..100_000 {
        push.data("");
    }
    let body = body.end(End::Pushed(push, 1));
    assert_eq!(fixture.replay_after(post(body), |sent| drop(frame(&mut sent.into_body()))), None);
}

/// Trailers have a room of their own, of the size that servers allow for headers.
#[test]
fn trailers_do_not_count_against_the_limit_of_the_data() {
    let trailers =
        |length: usize| HeaderMap::from_iter([(header::ETAG, HeaderValue::try_from("x".repeat(length)).unwrap())]);
    for (length, fits) in [(200, true), (16 << 10, false)] {
        let mut fixture = Fixture::with(|layer| layer.replay_limit(4));
        let again = fixture.replay_of(TestBody::text("data").trailers(trailers(length)));
        assert_eq!(again.is_some(), fits, "{length}");
    }
}

#[test]
fn a_request_that_upgrades_its_connection_is_recorded_only_without_a_body() {
    let upgrade = |body| {
        let mut request = post(body);
        request.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        request
    };
    assert!(Fixture::new().replay_after(upgrade(TestBody::text("data")), drop).is_none());
    assert!(Fixture::new().replay_after(upgrade(TestBody::new()), drop).is_some());
}

/// What has been recorded is held no longer than the answer is open.
#[test]
fn a_recording_ends_when_the_request_was_not_refused() {
    let mut fixture = Fixture::with(BearerLayer::replay_unknown_length);
    let mut call = fixture.call(post(TestBody::text(vec![b'a']).data(vec![b'b']).end(End::Stalls)));
    let (first, respond) = fixture.received();
    let mut body = first.into_body();
    assert_eq!(format!("{body:?}"), "ReplayBody(recorded)");
    let recorded = frame(&mut body).unwrap().unwrap().into_data().unwrap();
    assert!(!recorded.is_unique());
    respond.send_response(ok());
    assert_eq!(status(ready(call.poll())), StatusCode::OK);
    let sent = frame(&mut body).unwrap().unwrap().into_data().unwrap();
    assert!(sent.is_unique(), "what is read from now on is not recorded");
    assert_eq!(format!("{body:?}"), "ReplayBody(passed)");
}

#[test]
fn a_recording_ends_when_the_call_is_dropped() {
    let mut fixture = Fixture::new();
    let call = fixture.call(post(TestBody::text("a").data("b")));
    let mut body = fixture.received().0.into_body();
    drop(call);
    drop((frame(&mut body), frame(&mut body)));
    assert_eq!(format!("{body:?}"), "ReplayBody(passed)");
}

/// A unary message is whole before it is sent; a stream is recorded while it goes.
#[test]
fn a_unary_grpc_message_is_sent_again_although_it_was_not_read() {
    let unary = || grpc(TestBody::text("message").end(End::Ends));
    assert_eq!(Fixture::new().replay_after(unary(), drop), Some((b"message".into(), None)));
    let stream = || grpc(TestBody::text("one").data("two").data("three").end(End::Ends));
    assert_eq!(Fixture::new().replay_after(stream(), drop), None);
    let read = |sent: Sent| drop(now(sent.into_body().collect()));
    assert_eq!(Fixture::new().replay_after(stream(), read), Some((b"onetwothree".into(), None)));
    let open = || grpc(TestBody::text("one").end(End::Stalls));
    assert_eq!(Fixture::new().replay_after(open(), drop), None);
}

/// The body of a gRPC call must not be asked again once it has said that it is over.
#[test]
fn a_body_that_ended_ahead_is_not_polled_again() {
    let body = TestBody::new().trailers(trailers()).end(End::Ends);
    let probe: Probe = body.probe();
    let mut fixture = Fixture::new();
    let _call = fixture.call(grpc(body));
    let polls = probe.polls();
    let (_, sent, error) = read(fixture.received().0.into_body());
    assert_eq!((sent, error.is_none(), probe.polls()), (Some(trailers()), true, polls));
}

#[test]
fn a_request_to_another_origin_passes_unrecorded() {
    let mut fixture = Fixture::new();
    let mut request = post(TestBody::text("data"));
    *request.uri_mut() = "https://elsewhere.example.com/".parse().unwrap();
    let _call = fixture.call(request);
    let (sent, _) = fixture.received();
    assert_eq!(bearer(&sent), None);
    assert_eq!(format!("{:?}", sent.body()), "ReplayBody(passed)");
}

/// A client asks before it reads, and would send nothing of a body that says it is over.
#[test]
fn what_was_read_ahead_is_not_the_end_yet() {
    let mut fixture = Fixture::new();
    let _call = fixture.call(grpc(TestBody::text("one").data("two")));
    let mut sent = fixture.received().0.into_body();
    for (left, text) in [(6, "one"), (3, "two")] {
        assert_eq!((sent.is_end_stream(), sent.size_hint().exact()), (false, Some(left)));
        assert_eq!(frame(&mut sent).unwrap().unwrap().into_data().unwrap(), text);
    }
    assert_eq!((sent.is_end_stream(), sent.size_hint().exact()), (true, Some(0)));
    assert!(frame(&mut sent).is_none());
}
