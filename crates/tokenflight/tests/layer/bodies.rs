//! The body of a refusal is let go before any wait, and what was read of it is handed out again.

use tokenflight::bearer::Shortened;

use crate::{fixture::*, scripted::Probe};

/// The limit of what is kept.
const LIMIT: usize = 16 * 1024;

/// Refuses a request with this body and lets the refresh fail. The body has come to its end or to
/// its limit at once.
#[track_caller]
fn kept(body: TestBody) -> (BearerBody<TestBody>, Probe) {
    let mut fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::not_sent("refused")));
    let probe = body.probe();
    let mut call = fixture.answered_with(challenged(&["Bearer"], body));
    let answer = response(call.poll_until_idle());
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(probe.drops(), 1, "it was let go");
    (answer.into_body(), probe)
}

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([("grpc-status".parse().unwrap(), HeaderValue::from_static("16"))])
}

#[test]
fn a_body_that_stalls_is_let_go_after_a_quarter_of_a_second_and_before_the_refresh_has_ended() {
    let mut fixture = Fixture::new();
    fixture.grant.gate().close();
    let body = TestBody::text("part").end(End::Stalls);
    let probe = body.probe();
    let mut call = fixture.answered_with(challenged(&["Bearer"], body));
    assert_pending!(call.poll_until_idle());
    assert_eq!(fixture.grant.gate().parked(), 1, "the refresh does not wait for the body");
    fixture.time.advance(millis(249));
    assert_pending!(call.poll_until_idle());
    assert_eq!(probe.drops(), 0);
    fixture.time.advance(millis(1));
    assert!(call.is_woken());
    assert_pending!(call.poll_until_idle());
    assert_eq!(probe.drops(), 1, "the body does not wait for the refresh");
    let polls = probe.polls();
    fixture.grant.gate().open();
    fixture.succeeds(&mut call, "access-1");
    assert_eq!(probe.polls(), polls);
}

/// Where the refresh is faster: the replay does not wait for more than the quarter of a second.
#[test]
fn a_replay_waits_for_a_stalling_body_no_longer_than_a_quarter_of_a_second() {
    let mut fixture = Fixture::new();
    let body = TestBody::new().end(End::Stalls);
    let probe = body.probe();
    let mut call = fixture.answered_with(challenged(&["Bearer"], body));
    assert_pending!(call.poll_until_idle());
    assert_eq!((fixture.grant.count(), probe.drops()), (1, 0));
    fixture.nothing_received();
    fixture.time.advance(millis(250));
    assert_pending!(call.poll_until_idle());
    assert_eq!(probe.drops(), 1);
    fixture.received_with("access-1").send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
    assert_eq!(fixture.time.pending_sleeps(), 0, "no timer is left behind");
}

#[test]
fn what_came_before_a_body_stalled_is_handed_out_if_there_is_nothing_better() {
    let mut fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::not_sent("refused")));
    let mut call = fixture.call(get(ME));
    let body = TestBody::text("half an ").data("answer").end(End::Stalls);
    fixture.received().1.send_response(challenged(&["Bearer"], body));
    assert_pending!(call.poll_until_idle());
    fixture.time.advance(millis(250));
    let answer = response(call.poll_until_idle());
    assert_eq!(read(answer.into_body()).0, b"half an answer");
}

#[test]
fn a_flood_is_cut_off_at_once() {
    let piece = Bytes::from_static(&[b'.'; 1000]);
    let (body, probe) = kept(TestBody::text("head").end(End::Floods(piece)));
    assert!(!body.is_whole());
    // A piece counts for sixteen bytes at least.
    assert_eq!(read(body).0.len(), LIMIT - 12, "the last piece is cut");
    assert_eq!(probe.polls(), 1 + 16 + 1);
}

/// They cost no room; if they cost nothing at all, one poll would never end.
#[test]
fn a_flood_of_nothing_is_cut_off_at_once() {
    let (body, probe) = kept(TestBody::new().end(End::Floods(Bytes::new())));
    assert!(probe.polls() <= LIMIT, "{} polls", probe.polls());
    assert!(read(body).0.is_empty());
}

#[test]
fn exactly_the_limit_is_kept_and_a_piece_beyond_it_is_cut() {
    let full = Bytes::from(vec![b'a'; LIMIT]);
    let (body, _) = kept(TestBody::text(full.clone()));
    assert!(body.is_whole());
    assert_eq!(read(body).0, full);
    for (body, length) in [
        (TestBody::text(full.clone()).data("b"), LIMIT),
        (TestBody::text(vec![b'b'; 100]).data(full.clone()), LIMIT),
        (TestBody::text(vec![b'a'; LIMIT + 1]), LIMIT),
        (TestBody::text(vec![b'a'; 10 * LIMIT]), LIMIT),
    ] {
        let (body, _) = kept(body);
        assert_eq!((body.is_whole(), body.size_hint().exact()), (false, Some(length as u64)));
        assert_eq!(read(body).0.len(), length);
    }
}

/// A gateway that hands it on would break the connection otherwise.
#[test]
fn a_shortened_refusal_says_so_and_does_not_keep_its_length() {
    let refused = |length: usize, body| {
        let mut fixture = Fixture::new();
        fixture.grant.push(Step::Fail(GrantError::not_sent("refused")));
        let mut call = fixture.call(get(ME));
        let mut refusal = challenged(&["Bearer"], body);
        refusal.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        fixture.received().1.send_response(refusal);
        let answer = response(call.poll_until_idle());
        let shortened = answer.extensions().get::<Shortened>().is_some();
        (answer.headers().get(header::CONTENT_LENGTH).cloned(), shortened, answer.into_body())
    };
    let (length, shortened, body) = refused(LIMIT + 1, TestBody::text(vec![b'a'; LIMIT + 1]));
    assert_eq!((length, shortened, body.is_whole()), (None, true, false));
    assert_eq!(read(body).0.len(), LIMIT);
    // As it was: whole, or an answer to HEAD, which has a length and no body.
    for body in [TestBody::text(vec![b'a'; 100]), TestBody::new()] {
        let (length, shortened, body) = refused(100, body);
        assert_eq!((length, shortened, body.is_whole()), (Some(HeaderValue::from_static("100")), false, true));
    }
    // One that broke off says so itself.
    let (length, shortened, body) = refused(100, TestBody::text("half").end(End::Broken));
    assert_eq!((length, shortened, body.is_whole()), (Some(HeaderValue::from_static("100")), false, false));
}

#[test]
fn a_body_can_be_made_and_taken_apart() {
    let empty = BearerBody::<TestBody>::default();
    assert!(empty.is_end_stream() && empty.is_whole());
    assert!(empty.into_inner().is_none());
    let mut fixture = Fixture::new();
    let mut call = fixture.answered_with(Response::new(TestBody::text("abc")));
    let inner = response(call.poll()).into_body().into_inner().unwrap();
    assert_eq!(read(inner).0, b"abc");
    assert!(kept(TestBody::text("no")).0.into_inner().is_none());
}

#[test]
fn trailers_are_kept() {
    let (body, _) = kept(TestBody::text("no").trailers(trailers()));
    assert!(!body.is_end_stream());
    let (data, kept, error) = read(body);
    assert_eq!((data.as_slice(), kept), (&b"no"[..], Some(trailers())));
    assert!(error.is_none());
}

#[test]
fn a_body_that_broke_off_ends_in_its_error() {
    let (mut body, _) = kept(TestBody::text("half an ").data("answer").end(End::Broken));
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (None, false));
    assert_eq!(next(&mut body).unwrap().unwrap().into_data().unwrap(), "half an ");
    assert_eq!(next(&mut body).unwrap().unwrap().into_data().unwrap(), "answer");
    assert!(!body.is_end_stream());
    assert!(next(&mut body).unwrap().is_err());
    assert!(body.is_end_stream() && next(&mut body).is_none());
}

#[test]
fn a_kept_body_knows_its_size_and_its_end_at_every_step() {
    let (mut body, _) = kept(TestBody::text("abc").data("de").trailers(trailers()));
    assert_eq!(format!("{body:?}"), "BearerBody(kept)");
    for left in [5, 2, 0] {
        assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(left), false));
        assert!(next(&mut body).is_some());
    }
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
    assert!(next(&mut body).is_none());
    assert!(next(&mut body).is_none());
}

#[test]
fn an_empty_refusal_is_an_empty_body() {
    let (body, _) = kept(TestBody::new());
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(0), true));
}

#[test]
fn a_whole_body_is_what_the_inner_one_says() {
    for body in [
        TestBody::new(),
        TestBody::text("abc"),
        TestBody::text("abc").end(End::Stalls),
        TestBody::text("abc").data("de").trailers(trailers()).end(End::Broken),
    ] {
        let mut fixture = Fixture::new();
        let (hint, end) = (body.size_hint(), body.is_end_stream());
        let mut call = fixture.answered_with(Response::new(body));
        let mut body = response(call.poll()).into_body();
        assert_eq!(format!("{body:?}"), "BearerBody(whole)");
        assert_eq!((body.size_hint().exact(), body.size_hint().lower()), (hint.exact(), hint.lower()));
        assert_eq!(body.is_end_stream(), end);
        if !end {
            assert_eq!(next(&mut body).unwrap().unwrap().into_data().unwrap(), "abc");
        }
    }
}

#[test]
fn an_error_of_a_whole_body_is_passed_on() {
    let mut fixture = Fixture::new();
    let mut call = fixture.answered_with(Response::new(TestBody::text("abc").end(End::Broken)));
    let (data, _, error) = read(response(call.poll()).into_body());
    assert_eq!(data, b"abc");
    assert!(error.is_some());
}

/// Both refusals' bodies are let go, and the second one is what the caller gets.
#[test]
fn the_second_refusal_has_its_whole_body() {
    let mut fixture = Fixture::new();
    let mut call = fixture.refused_and_waiting(get(ME));
    let body = TestBody::text("still no").end(End::Stalls);
    let probe = body.probe();
    fixture.received_with("access-1").send_response(challenged(&["Bearer"], body));
    let answer = response(call.poll_until_idle());
    assert_eq!((probe.polls(), probe.drops()), (0, 0));
    assert_eq!(format!("{:?}", answer.body()), "BearerBody(whole)");
}

#[test]
fn the_reason_of_a_failure_is_not_lost_while_the_body_is_read() {
    let mut fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::throttled(Some(millis(100)))));
    let mut call = fixture.answered_with(challenged(&["Bearer"], TestBody::new().end(End::Stalls)));
    assert_pending!(call.poll_until_idle());
    fixture.time.advance(millis(250));
    let reason = explained(call.poll_until_idle());
    assert_eq!(reason, ErrorKind::Refresh(FailureClass::Throttled));
}

fn next(body: &mut BearerBody<TestBody>) -> Option<Result<http_body::Frame<Bytes>, crate::scripted::Broken>> {
    use http_body_util::BodyExt;
    now(body.frame())
}
