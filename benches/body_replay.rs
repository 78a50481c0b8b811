//! What being able to send a body again costs, and doing it: 1 KB to 10 MB, in memory and streamed.
//!
//! `cargo xtask bench -- body_replay`. `bare` is the service that reads the body, without the
//! layer. No byte is copied: a body is cloned by counting, so there is no rate.

// A bench that cannot go on has failed.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use bytes::Bytes;
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use futures_util::{FutureExt, stream};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use tokenflight::{BearerLayer, Driver, Session, bearer::ReplayBody};
use tokenflight_benches::parts::{ORIGIN, layer, login};
use tokenflight_test::{ManualTime, MockGrant};
use tower::{Layer, Service};

const SIZES: [usize; 5] = [1 << 10, 10 << 10, 100 << 10, 1 << 20, MOST];
/// The longest.
const MOST: usize = 10 << 20;
/// What a stream brings at a time.
const PIECE: usize = 16 << 10;

type Pieces = stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>;

fn buffered(bytes: &Bytes) -> Full<Bytes> {
    Full::new(bytes.clone())
}

fn streamed(bytes: &Bytes) -> StreamBody<Pieces> {
    let pieces: Vec<_> = (0..bytes.len())
        .step_by(PIECE)
        .map(|from| Ok(Frame::data(bytes.slice(from..bytes.len().min(from + PIECE)))))
        .collect();
    StreamBody::new(stream::iter(pieces))
}

/// Reads all of it. Refuses once when told to.
#[derive(Clone, Debug, Default)]
struct Reading {
    refuse: Arc<AtomicBool>,
}

impl<B> Service<Request<B>> for Reading
where
    B: Body<Data = Bytes, Error: fmt::Debug> + Send + 'static,
{
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        Ok(()).into()
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let refuse = self.refuse.swap(false, SeqCst);
        Box::pin(async move {
            let mut body = pin!(request.into_body());
            while let Some(frame) = body.frame().await {
                drop(frame.unwrap());
            }
            let mut response = Response::new(Empty::new());
            *response.status_mut() = if refuse { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
            Ok(response)
        })
    }
}

/// A session whose token can be refused again and again.
struct Fixture {
    time: ManualTime,
    session: Session,
    driver: Pin<Box<Driver>>,
    server: Reading,
}

impl Fixture {
    fn new() -> Self {
        let time = ManualTime::new(1);
        let session = Session::builder(MockGrant::new()).time(time.clone()).build().unwrap();
        login(&session, 0);
        let driver = Box::pin(session.driver());
        Self { time, session, driver, server: Reading::default() }
    }

    /// The next request is refused, long enough after the last refresh to be believed.
    fn refuse_next(&mut self) {
        self.time.advance(Duration::from_secs(60));
        assert!(self.driver.as_mut().now_or_never().is_none());
        self.server.refuse.store(true, SeqCst);
    }

    fn layer(&self) -> BearerLayer {
        layer(&self.session, ORIGIN)
    }
}

fn send<S: Service<Request<B>, Response: Answer, Error: fmt::Debug>, B>(service: &mut S, body: B) {
    let mut request = Request::post("https://api.example.com/upload").body(body).unwrap();
    request.headers_mut().insert("content-type", http::HeaderValue::from_static("application/octet-stream"));
    assert!(service.call(request).now_or_never().unwrap().unwrap().is_good());
}

trait Answer {
    fn is_good(&self) -> bool;
}

impl<B> Answer for Response<B> {
    fn is_good(&self) -> bool {
        self.status() == StatusCode::OK
    }
}

/// One way to send one kind of body: as it is, and with one refusal.
fn measure<B: 'static, S>(
    criterion: &mut Criterion,
    group: &str,
    name: &str,
    make: fn(&Bytes) -> B,
    wrap: fn(&Fixture) -> S,
) where
    S: Service<Request<B>, Response: Answer, Error: fmt::Debug>,
{
    for size in SIZES {
        let bytes = Bytes::from(vec![b'x'; size]);
        let mut fixture = Fixture::new();
        let mut service = wrap(&fixture);
        let mut group = criterion.benchmark_group(group);
        group.bench_function(BenchmarkId::new(name, size), |bencher| {
            bencher.iter_batched(|| make(&bytes), |body| send(&mut service, body), BatchSize::SmallInput);
        });
        if name == "bare" {
            continue;
        }
        group.bench_function(BenchmarkId::new(format!("{name}, sent twice"), size), |bencher| {
            bencher.iter_batched(
                || make(&bytes),
                |body| {
                    fixture.refuse_next();
                    send(&mut service, body);
                },
                BatchSize::PerIteration,
            );
        });
        group.finish();
    }
}

fn body_replay(criterion: &mut Criterion) {
    measure(criterion, "body_replay/buffered", "bare", buffered, |fixture| fixture.server.clone());
    measure(criterion, "body_replay/buffered", "cloned", buffered, |fixture| {
        fixture.layer().layer(fixture.server.clone())
    });
    measure(criterion, "body_replay/buffered", "recorded", buffered, |fixture| {
        let layer = fixture.layer().replay_with(|body: ReplayBody<Full<Bytes>>| body).replay_limit(MOST);
        layer.layer(fixture.server.clone())
    });
    measure(criterion, "body_replay/streamed", "bare", streamed, |fixture| fixture.server.clone());
    measure(criterion, "body_replay/streamed", "recorded", streamed, |fixture| {
        let layer = fixture.layer().replay_with(|body: ReplayBody<StreamBody<Pieces>>| body);
        layer.replay_limit(MOST).replay_unknown_length().layer(fixture.server.clone())
    });
}

criterion_group!(benches, body_replay);
criterion_main!(benches);
