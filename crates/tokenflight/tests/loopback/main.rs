//! The layer on real sockets: hyper's HTTP/1.1 client, authorization server and API on loopback.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

mod challenges;
mod uploads;

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokenflight::{
    Bearer, BearerLayer, BoxError, BoxFuture, Grant, GrantError, Origins, Session, TokenRequest, grant_fn,
};
use tokenflight_test::{
    AuthServer, ManualTime, ResourceServer, Served,
    auth::Answer,
    resource::{Refusal, RefusalBody},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
};
use tower::ServiceExt;
use tower_layer::Layer;
use tower_service::Service;

const LIFE: Duration = Duration::from_secs(300);
/// What a request that hangs is given, in real time. Everything here takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(60);

type Pool = Client<HttpConnector, Full<Bytes>>;
type Req = Request<Full<Bytes>>;

fn pool() -> Pool {
    Client::builder(TokioExecutor::new()).build_http()
}

/// A pool with one connection in all: it is free again when a response's body is done or dropped.
struct Single {
    pool: Pool,
    lane: Arc<Semaphore>,
    /// In a mutex only to be `Sync`.
    entering: Mutex<Option<BoxFuture<'static, Option<OwnedSemaphorePermit>>>>,
    entered: Option<OwnedSemaphorePermit>,
}

impl Single {
    fn new() -> Self {
        Self { pool: pool(), lane: Arc::new(Semaphore::new(1)), entering: Mutex::default(), entered: None }
    }
}

impl Clone for Single {
    fn clone(&self) -> Self {
        Self { pool: self.pool.clone(), lane: Arc::clone(&self.lane), entering: Mutex::default(), entered: None }
    }
}

impl Service<Req> for Single {
    type Response = Response<Occupying>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Response<Occupying>, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        if self.entered.is_none() {
            let lane = Arc::clone(&self.lane);
            let entering = self.entering.get_mut().unwrap();
            let enter = entering.get_or_insert_with(|| Box::pin(async { lane.acquire_owned().await.ok() }));
            self.entered = ready!(enter.as_mut().poll(cx));
            *entering = None;
        }
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let permit = self.entered.take().expect("readied");
        let response = self.pool.request(request);
        Box::pin(async move { Ok(response.await?.map(|body| Occupying { body, _permit: permit })) })
    }
}

/// A body that occupies its connection until it is gone.
struct Occupying {
    body: hyper::body::Incoming,
    _permit: OwnedSemaphorePermit,
}

impl Body for Occupying {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Presents the refresh token to an endpoint, through this client.
fn grant<S, R>(client: S, url: String) -> impl Grant
where
    S: Service<Req, Response = Response<R>, Error: Into<BoxError>, Future: Send> + Clone + Send + Sync + 'static,
    R: Body<Data: Send, Error: Into<BoxError>> + Send,
{
    grant_fn(move |request: TokenRequest| {
        let (client, url) = (client.clone(), url.clone());
        async move {
            let token = request.refresh_token().ok_or_else(|| GrantError::config("no refresh token"))?;
            let form = format!("grant_type=refresh_token&refresh_token={}", token.expose());
            let form = Request::post(url).body(Full::from(form)).map_err(GrantError::config)?;
            let answer = client.oneshot(form).await.map_err(GrantError::ambiguous)?;
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await.map_err(GrantError::ambiguous)?.to_bytes();
            Answer::new(status, String::from_utf8_lossy(&body), None).result()
        }
    })
}

/// Both servers on sockets and a session a minute old. Time stands still but where a test moves it.
struct Fixture<S> {
    time: ManualTime,
    auth: AuthServer,
    api: ResourceServer,
    session: Session,
    client: Bearer<S>,
    at: Served,
    _token_endpoint: Served,
}

impl<S, R> Fixture<S>
where
    S: Service<Req, Response = Response<R>, Error: Into<BoxError>, Future: Send> + Clone + Send + Sync + 'static,
    R: Body<Data: Send, Error: Into<BoxError> + Send> + Send + 'static,
{
    async fn new(inner: S, refusal: Refusal) -> Self {
        let time = ManualTime::new(5);
        let auth = AuthServer::new(time.shared());
        let token_endpoint = auth.serve().unwrap();
        let api = ResourceServer::new(auth.clone()).refusing(refusal);
        let at = api.serve().unwrap();
        let grant = grant(inner.clone(), token_endpoint.url("/token"));
        let session = Session::builder(grant).time(time.clone()).build().unwrap();
        session.login(auth.login()).await.unwrap();
        time.advance(Duration::from_secs(60));
        let origins = Origins::with_plain_loopback([at.url("").as_str()]).unwrap();
        let client = BearerLayer::new(session.clone(), origins).layer(inner);
        Self { time, auth, api, session, client, at, _token_endpoint: token_endpoint }
    }

    /// A request, its status and its body.
    fn get(&self) -> impl Future<Output = (StatusCode, Bytes)> + Send + 'static + use<S, R> {
        let (client, url) = (self.client.clone(), self.at.url("/me"));
        async move {
            let answer = client.oneshot(Request::get(url).body(Full::default()).unwrap()).await.unwrap();
            let status = answer.status();
            (status, answer.into_body().collect().await.map_err(Into::into).unwrap().to_bytes())
        }
    }

    /// So many requests at once; all are answered.
    async fn serves(&self, count: usize) {
        let mut requests = JoinSet::new();
        for _ in 0..count {
            requests.spawn(self.get());
        }
        for (status, _) in requests.join_all().await {
            assert_eq!(status, StatusCode::OK);
        }
    }
}

/// Runs a test on tokio, with an eye on real time.
#[track_caller]
fn on_tokio(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    #[allow(clippy::disallowed_methods)] // A watchdog: sockets can hang, and manual time would not notice.
    let watched = async { tokio::time::timeout(PATIENCE, test).await };
    assert!(runtime.block_on(watched).is_ok(), "it hangs");
}

/// Moves the time on whenever the layer waits for the end of a refusal, and only then.
async fn moving<T>(time: &ManualTime, work: impl Future<Output = T>) -> T {
    let hand = async {
        loop {
            if let Some(next) = time.next_wake().filter(|next| *next <= Duration::from_millis(250)) {
                time.advance(next);
            }
            tokio::task::yield_now().await;
        }
    };
    match select(pin!(work), pin!(hand)).await {
        Either::Left((output, _)) => output,
        Either::Right((never, _)) => never,
    }
}

#[test]
fn an_expired_token_is_none_of_the_callers_business() {
    on_tokio(async {
        let fixture = Fixture::new(pool(), Refusal::new()).await;
        for round in 0..3 {
            let answer = fixture.get().await;
            assert_eq!(answer, (StatusCode::OK, Bytes::from_static(b"here you are")));
            assert_eq!(fixture.auth.report().total.token_requests, round);
            fixture.time.advance(LIFE);
        }
        assert_eq!(fixture.api.counts().refused, 0);
        fixture.auth.assert_unharmed();
    });
}

#[test]
fn a_revoked_token_is_none_of_the_callers_business() {
    on_tokio(async {
        let fixture = Fixture::new(pool(), Refusal::new()).await;
        for round in 1..=3 {
            fixture.auth.expire_all_access();
            assert_eq!(fixture.get().await.0, StatusCode::OK);
            assert_eq!(fixture.auth.report().total.token_requests, round);
            assert_eq!(fixture.api.counts().refused, round);
            fixture.time.advance(Duration::from_secs(20));
        }
        fixture.auth.assert_unharmed();
    });
}

/// A request that keeps the refusal's body while it waits, waits for itself.
#[test]
fn one_connection_is_enough_for_a_refusal_without_an_end_its_refresh_and_the_replay() {
    for body in [RefusalBody::Short, RefusalBody::Stalls, RefusalBody::Floods] {
        on_tokio(async move {
            let fixture = Fixture::new(Single::new(), Refusal::new().body(body)).await;
            fixture.auth.expire_all_access();
            let answer = moving(&fixture.time, fixture.get()).await;
            assert_eq!(answer.0, StatusCode::OK, "{body:?}");
            assert_eq!(fixture.auth.report().total.token_requests, 1);
            assert_eq!(fixture.api.counts().refused, 1);
            fixture.auth.assert_unharmed();
        });
    }
}

#[test]
fn one_connection_is_enough_for_requests_that_wait_for_a_token() {
    on_tokio(async {
        let fixture = Fixture::new(Single::new(), Refusal::new()).await;
        fixture.time.advance(LIFE);
        fixture.serves(20).await;
        assert_eq!(fixture.auth.report().total.token_requests, 1);
    });
}

#[test]
fn two_hundred_requests_cost_one_token_request_for_each_expiry() {
    on_tokio(async {
        let fixture = Fixture::new(pool(), Refusal::new()).await;
        for round in 1..=3 {
            fixture.time.advance(LIFE);
            fixture.serves(200).await;
            assert_eq!(fixture.auth.report().total.token_requests, round);
        }
        assert_eq!(fixture.api.counts().refused, 0);
        fixture.auth.assert_unharmed();
    });
}

#[test]
fn two_hundred_refusals_cost_one_token_request() {
    on_tokio(async {
        let fixture = Fixture::new(pool(), Refusal::new()).await;
        for round in 1..=3 {
            fixture.auth.expire_all_access();
            fixture.serves(200).await;
            assert_eq!(fixture.auth.report().total.token_requests, round);
            fixture.time.advance(Duration::from_secs(20));
        }
        fixture.auth.assert_unharmed();
    });
}

#[test]
fn an_ended_session_gives_the_servers_own_refusal_back() {
    on_tokio(async {
        let fixture = Fixture::new(pool(), Refusal::new()).await;
        fixture.auth.revoke_family("login-1");
        let (status, body) = fixture.get().await;
        assert_eq!((status, body.as_ref()), (StatusCode::UNAUTHORIZED, &b"no"[..]));
        let error = fixture.session.token().await.unwrap_err();
        assert!(error.is_ended(), "{error:?}");
        assert_eq!(fixture.auth.report().total.token_requests, 1);
    });
}
