//! A server behind a limit, which the token traffic shares, and a session whose token is dead.

pub(crate) use std::{
    convert::Infallible,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll},
    time::Duration,
};

pub(crate) use bytes::Bytes;
pub(crate) use futures_util::{
    FutureExt,
    future::{Either, select},
};
pub(crate) use http::{Request, Response, StatusCode};
pub(crate) use http_body_util::Full;
pub(crate) use tokenflight::{
    BearerLayer, BoxError, BoxFuture, Grant, GrantError, Origins, Session, TokenRequest, grant_fn,
};
pub(crate) use tokenflight_test::{AuthServer, ManualTime, ResourceServer};
pub(crate) use tokio::sync::Semaphore;
pub(crate) use tower::{ServiceBuilder, ServiceExt, limit::ConcurrencyLimit, service_fn};
pub(crate) use tower_service::Service;

pub(crate) type Req = Request<Full<Bytes>>;
pub(crate) type Limited = ConcurrencyLimit<Server>;

const API: &str = "https://api.example.com";

pub(crate) struct Fixture {
    pub(crate) session: Session,
    pub(crate) limited: Limited,
    auth: AuthServer,
    pub(crate) server: Server,
    time: ManualTime,
    permits: Arc<Semaphore>,
}

impl Fixture {
    /// One permit for everything there is.
    pub(crate) fn new() -> Self {
        let time = ManualTime::new(3);
        let auth = AuthServer::new(Arc::new(time.clone()));
        let server = Server { resource: ResourceServer::new(auth.clone()), unavailable: Arc::default() };
        let permits = Arc::new(Semaphore::new(1));
        let limited = ConcurrencyLimit::with_semaphore(server.clone(), Arc::clone(&permits));
        let (line, grant) = (limited.clone(), Arc::new(auth.grant()));
        let grant = grant_fn(move |request: TokenRequest| {
            let (line, grant) = (line.clone(), Arc::clone(&grant));
            async move {
                // The token request has to pass the same limit as every other request.
                let knock = Request::get("https://as.example.com/token").body(Full::default());
                line.oneshot(knock.map_err(GrantError::config)?).await.map_err(GrantError::not_sent)?;
                grant.request(&request).await
            }
        });
        let session =
            Session::builder(grant).time(time.clone()).configure(|policy| policy.fresh_window = Duration::ZERO);
        let session = session.build().unwrap();
        session.login(auth.login()).now_or_never().unwrap().unwrap();
        auth.expire_all_access();
        Self { session, limited, auth, server, time, permits }
    }

    pub(crate) fn layer(&self) -> BearerLayer {
        BearerLayer::new(self.session.clone(), Origins::new([API]).unwrap())
    }

    pub(crate) fn request(&self) -> Req {
        Request::post(API).body(Full::new(Bytes::from_static(b"body"))).unwrap()
    }

    pub(crate) fn token_requests(&self) -> u64 {
        self.auth.report().total.token_requests
    }

    /// Requests to the API, without those of the token traffic, which have no token.
    pub(crate) fn requests(&self) -> u64 {
        let counts = self.server.resource.counts();
        counts.requests - counts.without_token
    }

    /// The next so many requests with a good token find the server unavailable.
    pub(crate) fn unavailable(&self, requests: usize) {
        self.server.unavailable.store(requests, SeqCst);
    }

    pub(crate) fn refuse_all(&self) {
        self.server.resource.refuse_all(true);
    }

    /// Does something while the session's time passes.
    pub(crate) async fn while_time_passes<F: Future>(&self, work: F) -> F::Output {
        let passing = async {
            loop {
                tokio::task::yield_now().await;
                self.time.advance(Duration::from_millis(100));
            }
        };
        match select(pin!(work), pin!(passing)).await {
            Either::Left((output, _)) => output,
            Either::Right((never, _)) => never,
        }
    }

    /// When all is over, every permit is back and the session lives.
    pub(crate) async fn assert_at_rest(self, name: &str) {
        // A buffer's worker ends when it hears that its last handle is gone.
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        self.auth.assert_unharmed();
        drop((self.session, self.limited));
        assert_eq!(self.permits.available_permits(), 1, "{name}: a permit is lost");
    }
}

/// An API that takes a few polls for everything.
#[derive(Clone)]
pub(crate) struct Server {
    resource: ResourceServer,
    unavailable: Arc<AtomicUsize>,
}

impl Service<Req> for Server {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Req) -> Self::Future {
        let mut server = self.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut response = server.resource.call(request).await?;
            let busy = |left: usize| left.checked_sub(1);
            if response.status() == StatusCode::OK && server.unavailable.fetch_update(SeqCst, SeqCst, busy).is_ok() {
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            tokio::task::yield_now().await;
            Ok(response)
        })
    }
}
