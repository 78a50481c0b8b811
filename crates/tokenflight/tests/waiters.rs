//! What it costs to wait for a refresh, and to be a session at rest: bytes and allocations, so that
//! a regression is a failure and not a matter of time.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    mem::size_of_val,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode, header::AUTHORIZATION};
use http_body_util::Empty;
use tokenflight::{Bearer, BearerLayer, Generation, MemoryStore, Origins, Session, TokenSet};
use tokenflight_test::{ManualTime, MockGrant};
use tower_layer::Layer;
use tower_service::Service;

/// An inner service that costs nothing: it refuses the first token.
#[derive(Clone, Copy, Debug)]
struct Bare;

type Answer = Ready<Result<Response<Empty<Bytes>>, Infallible>>;

impl<B> Service<Request<B>> for Bare {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Ok(()).into()
    }

    fn call(&mut self, request: Request<B>) -> Answer {
        let old = request.headers().get(AUTHORIZATION).is_none_or(|sent| sent == "Bearer access-0");
        let mut response = Response::new(Empty::new());
        *response.status_mut() = if old { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        ready(Ok(response))
    }
}

/// A session with a token, and a grant that holds refreshes up.
fn fixture() -> (MockGrant, Session, Generation) {
    let (grant, time) = (MockGrant::new(), ManualTime::new(1));
    let session = Session::builder(grant.clone()).time(time.clone()).build().unwrap();
    session.login(set()).now_or_never().unwrap().unwrap();
    // A token that is refused at once is not replaced at once.
    time.advance(Duration::from_secs(60));
    grant.gate().close();
    let generation = session.token().now_or_never().unwrap().unwrap().generation();
    (grant, session, generation)
}

fn set() -> TokenSet {
    TokenSet::new("access-0").refresh_token("refresh-0").expires_in(Duration::from_secs(3600))
}

fn client(session: &Session) -> Bearer<Bare> {
    BearerLayer::new(session.clone(), Origins::new(["https://api.example.com"]).unwrap()).layer(Bare)
}

fn request() -> Request<()> {
    Request::get("https://api.example.com/").body(()).unwrap()
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// What each of very many costs that are polled until they wait, and then until they are done. The
/// lists that grow with their number, of wakers and such, are divided among them.
fn each<F: Future + Unpin>(grant: &MockGrant, mut waiters: Vec<F>) -> (AllocationInfo, AllocationInfo) {
    let count = i64::try_from(waiters.len()).unwrap();
    let shared = |mut info: AllocationInfo| {
        info.count_total /= count.unsigned_abs();
        info.bytes_total /= count.unsigned_abs();
        info.bytes_max /= count.unsigned_abs();
        info.count_current /= count;
        info.bytes_current /= count;
        info
    };
    let enter = measure(|| {
        for waiter in &mut waiters {
            assert!(poll(Pin::new(waiter)).is_pending());
        }
    });
    grant.gate().open();
    let leave = measure(|| {
        for waiter in &mut waiters {
            assert!(poll(Pin::new(waiter)).is_ready());
        }
    });
    (shared(enter), shared(leave))
}

const MANY: usize = 4_000;

/// A waker and its place in a list, and that list's room to grow.
const PLACE: u64 = 64;

#[test]
fn to_wait_allocates_nothing_but_a_place_in_the_list() {
    let (grant, session, generation) = fixture();
    let (enter, leave) = each(&grant, (0..MANY).map(|_| Box::pin(session.newer_than(generation))).collect());
    assert_eq!((enter.count_total, leave.count_total), (0, 0), "the flight and the list are for all of them together");
    assert!(enter.bytes_max <= PLACE, "{enter:?}");
    // Each of the two is rounded.
    assert!(enter.bytes_current + leave.bytes_current <= 1, "nothing stays");
}

/// With a body and an inner service without a size. The box holds what is kept of the refusal;
/// beside it is the head for the replay, in as little memory as its text takes.
#[test]
fn a_refused_request_waits_in_one_box_beside_its_head() {
    // With something that listens, it remembers since when it waits and what it was refused with.
    const COLD: u64 = 712 + if cfg!(feature = "tracing") { 16 } else { 0 };
    let (grant, session, _) = fixture();
    let mut client = client(&session);
    let (enter, leave) = each(&grant, (0..MANY).map(|_| Box::pin(client.call(request()))).collect());
    assert_eq!(enter.count_total, 2);
    assert!(enter.bytes_total <= COLD + PLACE, "{enter:?}");
    assert!(
        enter.bytes_max <= enter.bytes_total - 512,
        "the buffer that the head was copied into is given back: {enter:?}"
    );
    // The head of the replay: its URI, its headers, the token's place among them, and that it is
    // one; and the send's own box.
    assert!(leave.count_total <= 8, "{leave:?}");
}

#[test]
fn a_request_without_a_token_waits_in_one_box() {
    const COLD: u64 = 648 + if cfg!(feature = "tracing") { 16 } else { 0 };
    let (grant, session, generation) = fixture();
    let mut client = client(&session);
    // From now on the token is known to be refused.
    assert!(session.newer_than(generation).now_or_never().is_none());
    // The first call makes what all of them share.
    drop(client.call(request()));
    let requests: Vec<_> = (0..MANY).map(|_| request()).collect();
    let mut waiters = Vec::with_capacity(MANY);
    let called = measure(|| waiters.extend(requests.into_iter().map(|request| client.call(request))));
    assert_eq!(called.count_total, MANY as u64);
    assert!(called.bytes_total <= COLD * MANY as u64, "{called:?}");
    let (enter, _) = each(&grant, waiters.into_iter().map(Box::pin).collect());
    assert_eq!(enter.count_total, 0);
    assert!(enter.bytes_max <= PLACE, "{enter:?}");
}

/// These are parts of the user's tasks, of which there may be many.
#[test]
fn waiting_callers_are_small() {
    let (_, session, generation) = fixture();
    assert!(size_of_val(&session.newer_than(generation)) <= 176);
    assert!(size_of_val(&session.token()) <= 168);
    assert!(size_of_val(&session.refresh()) <= 168);
}

/// Beside the inner future: which token was sent where (24 bytes), what a replay needs beside the
/// body (104), and the session.
#[test]
fn the_future_of_a_request_is_no_larger_than_what_it_keeps() {
    let (_, session, _) = fixture();
    let future = client(&session).call(request());
    assert!(size_of_val(&future) <= size_of::<Answer>() + 136, "{}", size_of_val(&future));
}

/// Without its tokens, and without the grant, clock and store, which many sessions may share.
#[test]
fn a_session_at_rest_is_small() {
    let (grant, time, store) = (MockGrant::new(), ManualTime::new(1), MemoryStore::new());
    let build = || Session::builder(grant.clone()).time(time.clone()).store(store.clone()).build().unwrap();
    // The store has a place for this login now, and the threads their own.
    let before = build();
    before.login(set()).now_or_never().unwrap().unwrap();
    let mut session = None;
    let built = measure(|| session = Some(build()));
    let session = session.unwrap();
    let login = measure(|| session.login(set()).now_or_never().unwrap().unwrap());
    // The machine, a cache line's distance for the stamp, three small boxes for what may be shared,
    // and no settings, which are those of all sessions that change nothing in them; then the
    // token's numbers and header, what the store was last seen to hold, and what is still to be
    // stored, which is nothing.
    assert!(built.bytes_current <= 1_344, "{built:?}");
    assert!(login.bytes_current <= 960, "{login:?}");
}
