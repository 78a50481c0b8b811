//! A session, the layer, and an API that refuses what its authorization server does not vouch for.

pub(crate) use std::{
    collections::VecDeque,
    future::{Future, ready},
    sync::{Arc, Mutex},
    time::Duration,
};

pub(crate) use bytes::Bytes;
pub(crate) use futures_util::FutureExt;
pub(crate) use http::{HeaderMap, Request, Response, StatusCode, header::WWW_AUTHENTICATE};
pub(crate) use http_body_util::Full;
pub(crate) use tokenflight::{
    BearerLayer, BoxError, Grant, GrantError, Origins, RefreshToken, ReusePolicy, Session, SessionBuilder,
    TokenRequest, TokenSet,
};
pub(crate) use tokenflight_test::{
    ManualTime, MockGrant, MockStore, ModelStore,
    mock::{OpKind, Step, Trouble},
};
pub(crate) use tower::service_fn;
pub(crate) use tower_layer::Layer;
pub(crate) use tower_service::Service;
pub(crate) use tracing::{Level, info_span};

pub(crate) use crate::recorder::Recorder;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) type Req = Request<Full<Bytes>>;
pub(crate) type Answer = Response<Full<Bytes>>;

/// What is below the layer.
pub(crate) trait Api:
    Service<Req, Response = Answer, Error = BoxError, Future: Send + 'static> + Clone + Send + 'static
{
}

impl<S: Service<Req, Response = Answer, Error = BoxError, Future: Send + 'static> + Clone + Send + 'static> Api for S {}

/// A session on manual time, logged in a minute ago for five.
pub(crate) struct Fixture {
    pub(crate) time: ManualTime,
    pub(crate) grant: MockGrant,
    pub(crate) store: MockStore,
    pub(crate) model: ModelStore,
    pub(crate) session: Session,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(change: impl FnOnce(SessionBuilder) -> SessionBuilder) -> Self {
        let fixture = Self::blank(change);
        fixture.log_in();
        fixture.time.advance(SECOND * 60);
        fixture
    }

    /// As [`new`](Self::new), and the token has run out.
    pub(crate) fn expired() -> Self {
        let fixture = Self::new();
        fixture.time.advance(SECOND * 300);
        fixture
    }

    /// Without a login.
    pub(crate) fn blank(change: impl FnOnce(SessionBuilder) -> SessionBuilder) -> Self {
        let (time, grant, model) = (ManualTime::new(7), MockGrant::new(), ModelStore::new());
        let store = MockStore::before(model.clone());
        let builder = Session::builder(grant.clone()).store(store.clone()).time(time.clone()).label("orders");
        let session = change(builder).build().unwrap();
        Self { time, grant, store, model, session }
    }

    pub(crate) fn log_in(&self) {
        let tokens = TokenSet::new("access-0").refresh_token("refresh-0").expires_in(SECOND * 300);
        self.run(self.session.login(tokens)).unwrap();
    }

    /// Another process over the same entries.
    pub(crate) fn elsewhere(&self) -> Session {
        let session = Session::builder(MockGrant::new()).store(self.model.clone()).time(self.time.clone());
        session.build().unwrap()
    }

    /// Waits for this, moving time on if it waits for that.
    pub(crate) fn run<F: Future>(&self, work: F) -> F::Output {
        self.time.run(work)
    }

    /// An API that gives these answers, one after the other.
    pub(crate) fn api(&self, answers: impl IntoIterator<Item = Answer>) -> impl Api {
        let answers: Arc<Mutex<VecDeque<Answer>>> = Arc::new(Mutex::new(answers.into_iter().collect()));
        service_fn(move |_: Req| {
            let answer = answers.lock().unwrap().pop_front();
            ready(answer.ok_or_else(|| BoxError::from("the connection broke")))
        })
    }

    /// A request to it.
    pub(crate) fn call(&self, answers: impl IntoIterator<Item = Answer>) -> Result<StatusCode, BoxError> {
        let layer = BearerLayer::new(self.session.clone(), Origins::new([API]).unwrap());
        self.run(layer.layer(self.api(answers)).oneshot(get())).map(|response| response.status())
    }
}

pub(crate) const API: &str = "https://api.example.com/";

pub(crate) fn get() -> Req {
    Request::get(API).body(Full::default()).unwrap()
}

pub(crate) fn ok() -> Answer {
    Response::new(Full::default())
}

/// 401, with this challenge.
pub(crate) fn refused(challenge: &'static str) -> Answer {
    let refusal = Response::builder().status(StatusCode::UNAUTHORIZED).header(WWW_AUTHENTICATE, challenge);
    refusal.body(Full::default()).unwrap()
}

pub(crate) fn unauthorized() -> Answer {
    refused(r#"Bearer error="invalid_token""#)
}

/// gRPC's `UNAUTHENTICATED` in the headers, perhaps with more of them.
pub(crate) fn unauthenticated(more: HeaderMap) -> Answer {
    let mut answer = Response::builder().header("content-type", "application/grpc").header("grpc-status", "16");
    answer.headers_mut().unwrap().extend(more);
    answer.body(Full::default()).unwrap()
}
