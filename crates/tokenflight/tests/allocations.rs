//! What requests cost in allocations and clock readings: counts, not times, so a regression fails.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Waker},
    time::Duration,
};

use allocation_counter::measure;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{Empty, Full};
use tokenflight::{
    Bearer, BearerLayer, Generation, Now, Origins, Session, Time, TokenSet, bearer::IndependentClone,
    bearer::ReplayBody,
};
use tokenflight_core::Sleep;
use tokenflight_test::{ManualTime, MockGrant};
use tower_layer::Layer;
use tower_service::Service;

const LIFE: Duration = Duration::from_secs(300);

/// An inner service that costs nothing, so that what is counted is the layer's.
#[derive(Clone, Copy, Debug)]
struct Bare(StatusCode);

impl<B> Service<Request<B>> for Bare {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Empty<Bytes>>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        Ok(()).into()
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        let mut response = Response::new(Empty::new());
        *response.status_mut() = self.0;
        ready(Ok(response))
    }
}

/// Manual time that counts how often it is asked.
#[derive(Clone)]
struct Counting {
    time: ManualTime,
    readings: Arc<AtomicUsize>,
}

impl Time for Counting {
    fn now(&self) -> Now {
        self.readings.fetch_add(1, SeqCst);
        self.time.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.time.sleep(duration)
    }

    fn random(&self) -> u64 {
        self.time.random()
    }
}

fn fixture(lifetime: Option<Duration>) -> (Counting, Session, Bearer<Bare>) {
    let time = Counting { time: ManualTime::new(1), readings: Arc::default() };
    let session = Session::builder(MockGrant::new()).time(time.clone()).build().unwrap();
    let mut set = TokenSet::new("access-0").refresh_token("refresh-0");
    if let Some(lifetime) = lifetime {
        set = set.expires_in(lifetime);
    }
    session.login(set).now_or_never().unwrap().unwrap();
    let origins = Origins::new(["https://api.example.com"]).unwrap();
    let client = BearerLayer::new(session.clone(), origins).layer(Bare(StatusCode::OK));
    (time, session, client)
}

/// A usual request: eight headers, a path and a query.
fn request<B>(body: B) -> Request<B> {
    let mut request = Request::post("https://api.example.com/v1/things?page=2").body(body).unwrap();
    for number in 0..8 {
        let name = HeaderName::try_from(format!("x-header-{number}")).unwrap();
        request.headers_mut().insert(name, HeaderValue::try_from(format!("value {number}")).unwrap());
    }
    request
}

/// Readies, calls and polls to the end, and drops everything.
fn send<S: Service<Request<B>, Error: std::fmt::Debug>, B>(service: &mut S, request: Request<B>) {
    assert!(service.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
    assert!(service.call(request).now_or_never().unwrap().is_ok());
}

/// What a request allocates in the layer, beyond what the bare inner service does. The first one,
/// which makes the private copy of the token, does not count.
#[track_caller]
fn extra<B: IndependentClone + Send + 'static>(client: &mut Bearer<Bare>, make: impl Fn() -> Request<B>) -> u64 {
    send(client, make());
    let (first, second, bare) = (make(), make(), make());
    let bare = measure(|| send(&mut Bare(StatusCode::OK), bare)).count_total;
    let first = measure(|| send(client, first)).count_total;
    assert_eq!(measure(|| send(client, second)).count_total, first, "every request costs the same");
    first - bare
}

#[test]
fn a_request_with_a_usable_token_allocates_nothing() {
    let (_, _, mut client) = fixture(Some(LIFE));
    assert_eq!(extra(&mut client, || request(Empty::<Bytes>::new())), 0);
    assert_eq!(extra(&mut client, || request(())), 0);
}

#[test]
fn neither_does_one_with_a_driver_or_without_a_known_lifetime() {
    let (_, session, mut client) = fixture(Some(LIFE));
    let mut driver = Box::pin(session.driver());
    assert!(driver.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(extra(&mut client, || request(Empty::<Bytes>::new())), 0);
    let (_, _, mut client) = fixture(None);
    assert_eq!(extra(&mut client, || request(Empty::<Bytes>::new())), 0);
}

#[test]
fn a_thousand_requests_in_a_row_allocate_nothing() {
    let (_, _, mut client) = fixture(Some(LIFE));
    send(&mut client, request(()));
    let requests: Vec<_> = (0..1_000).map(|_| request(())).collect();
    let counted = measure(|| requests.into_iter().for_each(|request| send(&mut client, request)));
    assert_eq!((counted.count_total, counted.bytes_current), (0, freed(1_000)));
}

/// What dropping so many requests gives back; they were made outside.
fn freed(count: usize) -> i64 {
    let requests: Vec<_> = (0..count).map(|_| request(())).collect();
    measure(|| drop(requests)).bytes_current
}

/// The copy of a body shares its bytes. `Bytes` never shared must become so, by one allocation.
#[test]
fn a_body_that_shares_its_bytes_costs_at_most_the_sharing() {
    let (_, _, mut client) = fixture(Some(LIFE));
    assert_eq!(extra(&mut client, || request(Full::new(Bytes::from_static(b"body")))), 0);
    let shared = Bytes::from(vec![b'x'; 64 * 1024]);
    let _second = shared.clone();
    assert_eq!(extra(&mut client, || request(Full::new(shared.clone()))), 0);
    assert_eq!(extra(&mut client, || request(Full::new(Bytes::from(vec![b'x'; 64 * 1024])))), 1);
}

/// What a request allocates in a layer that records bodies, beyond the bare inner service.
#[track_caller]
fn recorded<B>(session: &Session, make: impl Fn() -> Request<B>) -> u64
where
    B: http_body::Body + Unpin + Send + 'static,
    B::Error: Send,
{
    let origins = Origins::new(["https://api.example.com"]).unwrap();
    let layer = BearerLayer::new(session.clone(), origins).replay_with(|body: ReplayBody<B>| body);
    let mut client = layer.layer(Bare(StatusCode::OK));
    send(&mut client, make());
    let (first, bare) = (make(), make());
    let bare = measure(|| send(&mut Bare(StatusCode::OK), bare)).count_total;
    measure(|| send(&mut client, first)).count_total - bare
}

#[test]
fn recording_a_body_that_is_in_memory_allocates_nothing() {
    let (_, session, _) = fixture(Some(LIFE));
    assert_eq!(recorded(&session, || request(Empty::<Bytes>::new())), 0);
    assert_eq!(recorded(&session, || request(Full::new(Bytes::from_static(b"body")))), 0);
    let shared = Bytes::from(vec![b'x'; 64 * 1024]);
    let _second = shared.clone();
    assert_eq!(recorded(&session, || request(Full::new(shared.clone()))), 0);
    // Behind a box, as in a framework's body: the box is its own.
    let boxed = || request(http_body_util::combinators::UnsyncBoxBody::new(Full::new(Bytes::from_static(b"body"))));
    assert_eq!(recorded(&session, boxed), 0);
    // Bytes that were never shared must become so.
    assert_eq!(recorded(&session, || request(Full::new(Bytes::from(vec![b'x'; 64])))), 1);
}

/// One for the recording. The list of pieces grows with what is read, here nothing.
#[test]
fn recording_a_stream_allocates_its_list_of_pieces() {
    let (_, session, _) = fixture(Some(LIFE));
    let pieces = || {
        let once = futures_util::stream::iter(
            [(); 3].map(|()| Ok::<_, Infallible>(http_body::Frame::data(Bytes::from_static(b"piece")))),
        );
        let mut request = request(http_body_util::StreamBody::new(once));
        request.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
        request
    };
    assert_eq!(recorded(&session, pieces), 1);
}

/// It is met while the headers are copied.
#[test]
fn a_deadline_of_the_request_allocates_nothing() {
    let (_, _, mut client) = fixture(Some(LIFE));
    let grpc = || {
        let mut request = request(Empty::<Bytes>::new());
        request.headers_mut().insert("grpc-timeout", HeaderValue::from_static("5S"));
        request
    };
    assert_eq!(extra(&mut client, grpc), 0);
}

#[test]
fn extensions_cost_their_own_clone() {
    #[derive(Clone)]
    struct Tracing(#[allow(dead_code)] [u64; 4]);
    let (_, _, mut client) = fixture(Some(LIFE));
    let make = || {
        let mut request = request(());
        request.extensions_mut().insert(Tracing([0; 4]));
        request
    };
    let extensions = make().extensions().clone();
    let own = measure(|| drop(extensions.clone())).count_total;
    assert_eq!(extra(&mut client, make), own);
}

#[test]
fn a_request_that_is_not_ours_allocates_nothing() {
    let (_, _, mut client) = fixture(Some(LIFE));
    let foreign = || {
        let mut request = request(());
        *request.uri_mut() = "https://api.example.com".parse().unwrap();
        request.headers_mut().insert("authorization", HeaderValue::from_static("Basic x"));
        request
    };
    assert_eq!(extra(&mut client, foreign), 0);
}

#[test]
fn a_clone_of_the_client_allocates_nothing_until_it_is_used() {
    let (_, _, mut client) = fixture(Some(LIFE));
    send(&mut client, request(()));
    assert_eq!(measure(|| drop(client.clone())).count_total, 0);
}

/// How often the clock is read by a request after the first.
fn readings(time: &Counting, client: &mut Bearer<Bare>) -> usize {
    send(client, request(()));
    let before = time.readings.load(SeqCst);
    for _ in 0..10 {
        send(client, request(()));
    }
    let read = time.readings.load(SeqCst) - before;
    assert_eq!(read % 10, 0, "every request costs the same");
    read / 10
}

#[test]
fn without_a_driver_the_clock_is_read_once() {
    let (time, _, mut client) = fixture(Some(LIFE));
    assert_eq!(readings(&time, &mut client), 1);
}

#[test]
fn with_a_driver_the_clock_is_not_read() {
    let (time, session, mut client) = fixture(Some(LIFE));
    let mut driver = Box::pin(session.driver());
    assert!(Pin::new(&mut driver).poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(readings(&time, &mut client), 0);
    drop(driver);
    assert_eq!(readings(&time, &mut client), 1, "the driver is gone, and requests look again");
}

/// A request was refused, and others must not pay for that: neither when it got another token, nor
/// when there was a newer one already, nor when the token was too fresh to be replaced.
#[test]
fn after_another_token_was_asked_for_requests_cost_what_they_did_before() {
    for (age, behind, driven) in
        [(60, 0, false), (60, 0, true), (60, 1, false), (60, 1, true), (1, 0, false), (1, 0, true)]
    {
        let (time, session, mut client) = fixture(Some(LIFE));
        let mut driver = driven.then(|| session.driver());
        let mut goes_on = || driver.as_mut().is_none_or(|driver| driver.now_or_never().is_none());
        assert!(goes_on());
        let before = cost(&time, &mut client);
        time.time.advance(Duration::from_secs(age));
        let generation = session.state().generation.get() - behind;
        let newer = session.newer_than(Generation::new(generation)).now_or_never().unwrap();
        assert!(goes_on());
        assert_eq!(cost(&time, &mut client), before, "{age} s old, driven: {driven}, {newer:?}");
    }
}

/// A request's allocations and clock readings, and whether its token's memory is this client's own.
fn cost(time: &Counting, client: &mut Bearer<Bare>) -> (u64, usize, bool) {
    let (allocations, readings) = (extra(client, || request(Empty::<Bytes>::new())), readings(time, client));
    let (own, token) = (client.authorization().unwrap(), client.session().token().now_or_never().unwrap().unwrap());
    (allocations, readings, own.as_bytes().as_ptr() != token.header().as_bytes().as_ptr())
}

#[test]
fn a_token_of_unknown_lifetime_needs_no_clock() {
    let (time, _, mut client) = fixture(None);
    assert_eq!(readings(&time, &mut client), 0);
}
