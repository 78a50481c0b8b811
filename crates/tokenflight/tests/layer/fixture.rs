//! What a conversation needs: a session on manual time, the layer, both ends of its inner service.

pub(crate) use std::{
    convert::Infallible,
    future::{Future, Ready, ready},
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

pub(crate) use bytes::Bytes;
pub(crate) use futures_util::FutureExt;
pub(crate) use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
pub(crate) use http_body::Body;
pub(crate) use http_body_util::{BodyExt, Full};
pub(crate) use tokenflight::{
    Bearer, BearerBody, BearerLayer, BearerOptions, BoxError, BoxFuture, Driver, Error, ErrorKind, FailureClass, Grant,
    GrantError, OriginError, Origins, ReusePolicy, Session, SessionBuilder, Time, TokenRequest, TokenSet,
    bearer::CloneBody, grant_fn,
};
pub(crate) use tokenflight_test::{ManualTime, MockGrant, mock::Step};
pub(crate) use tokio::sync::Semaphore;
pub(crate) use tokio_test::{assert_pending, assert_ready_ok, task};
pub(crate) use tower::{ServiceExt, limit::ConcurrencyLimit};
pub(crate) use tower_layer::Layer;
pub(crate) use tower_service::Service;
pub(crate) use tower_test::mock::{self, Handle, Mock, SendResponse, Spawn};

pub(crate) use crate::scripted::{End, TestBody};

/// The lifetime of most tokens here.
pub(crate) const LIFE: Duration = secs(300);

/// A listed origin.
pub(crate) const API: &str = "https://api.example.com";
/// Another one.
pub(crate) const OTHER: &str = "https://other.example.com";
/// A resource of the first.
pub(crate) const ME: &str = "https://api.example.com/me";

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) type Req = Request<Full<Bytes>>;
pub(crate) type Res = Response<TestBody>;
pub(crate) type Answer = Result<Response<BearerBody<TestBody>>, BoxError>;
/// A request on its way.
pub(crate) type Call = task::Spawn<<Bearer<Mock<Req, Res>> as Service<Req>>::Future>;

/// The session, the client and the server.
pub(crate) struct Fixture {
    pub(crate) time: ManualTime,
    pub(crate) grant: MockGrant,
    pub(crate) session: Session,
    pub(crate) client: Spawn<Bearer<Mock<Req, Res>>>,
    pub(crate) server: Handle<Req, Res>,
}

impl Fixture {
    /// Logged in with `access-0` a minute ago: neither fresh nor due.
    pub(crate) fn new() -> Self {
        Self::with(|builder| builder)
    }

    /// As [`new`](Self::new), with other settings.
    pub(crate) fn with(change: impl FnOnce(SessionBuilder) -> SessionBuilder) -> Self {
        let fixture = Self::blank(change);
        fixture.log_in("access-0", LIFE);
        fixture.time.advance(secs(60));
        fixture
    }

    /// As [`new`](Self::new), and the token has run out.
    pub(crate) fn expired() -> Self {
        let fixture = Self::new();
        fixture.time.advance(LIFE);
        fixture
    }

    /// The same session behind another layer and another client.
    pub(crate) fn layered(mut self, change: impl FnOnce(BearerLayer) -> BearerLayer) -> Self {
        let layer = BearerLayer::new(self.session.clone(), Origins::new([API, OTHER]).unwrap());
        (self.client, self.server) = mock::spawn_layer(change(layer));
        self
    }

    /// As [`layered`](Self::layered), of a client with one destination.
    pub(crate) fn with_sole(mut self, origin: &str) -> Self {
        let layer = BearerLayer::new(self.session.clone(), Origins::sole(origin).unwrap());
        (self.client, self.server) = mock::spawn_layer(layer);
        self
    }

    /// Without a login.
    pub(crate) fn blank(change: impl FnOnce(SessionBuilder) -> SessionBuilder) -> Self {
        let (time, grant) = (ManualTime::new(7), MockGrant::new());
        let session = change(Session::builder(grant.clone()).time(time.clone())).build().unwrap();
        let layer = BearerLayer::new(session.clone(), Origins::new([API, OTHER]).unwrap());
        let (client, server) = mock::spawn_layer(layer);
        Self { time, grant, session, client, server }
    }

    pub(crate) fn log_in(&self, access: &str, lifetime: Duration) {
        let set = TokenSet::new(access).refresh_token("refresh-0").expires_in(lifetime);
        now(self.session.login(set)).unwrap();
    }

    /// Readies the client and sends a request.
    #[track_caller]
    pub(crate) fn call(&mut self, request: Req) -> Call {
        assert_ready_ok!(self.client.poll_ready::<Req>());
        task::spawn(self.client.call(request))
    }

    /// Sends a request that has no answer before something else happens.
    #[track_caller]
    pub(crate) fn waiting(&mut self, request: Req) -> Call {
        let mut call = self.call(request);
        assert_pending!(call.poll_until_idle());
        call
    }

    /// Sends a request with `access-0`, which the server has not answered yet.
    #[track_caller]
    pub(crate) fn sent(&mut self, request: Req) -> (Call, SendResponse<Res>) {
        let call = self.call(request);
        (call, self.received_with("access-0"))
    }

    /// Sends a request that is refused, and gives the refusal back to the layer.
    #[track_caller]
    pub(crate) fn refused(&mut self, request: Req) -> Call {
        let call = self.call(request);
        self.received().1.send_response(unauthorized());
        call
    }

    /// As [`refused`](Self::refused), and the caller does not hear of it at once.
    #[track_caller]
    pub(crate) fn refused_and_waiting(&mut self, request: Req) -> Call {
        let mut call = self.refused(request);
        assert_pending!(call.poll_until_idle());
        call
    }

    /// Sends a request, and gives this answer to it back to the layer.
    #[track_caller]
    pub(crate) fn answered_with(&mut self, answer: Res) -> Call {
        let call = self.call(get(ME));
        self.received().1.send_response(answer);
        call
    }

    /// The request that has arrived at the server.
    #[track_caller]
    pub(crate) fn received(&mut self) -> (Req, SendResponse<Res>) {
        match self.server.poll_request() {
            Poll::Ready(Some(received)) => received,
            other => panic!("no request has arrived: {:?}", other.map(drop)),
        }
    }

    /// The request that has arrived, whose token must be this one.
    #[track_caller]
    pub(crate) fn received_with(&mut self, token: &str) -> SendResponse<Res> {
        let (request, respond) = self.received();
        assert_eq!(bearer(&request), Some(token));
        respond
    }

    /// The next thing that this call does is to send its request, with this token.
    #[track_caller]
    pub(crate) fn sent_by(&mut self, call: &mut Call, token: &str) -> SendResponse<Res> {
        assert_pending!(call.poll_until_idle());
        self.received_with(token)
    }

    /// As [`sent_by`](Self::sent_by), and the answer is a success.
    #[track_caller]
    pub(crate) fn succeeds(&mut self, call: &mut Call, token: &str) {
        self.sent_by(call, token).send_response(ok());
        assert_eq!(status(call.poll_until_idle()), StatusCode::OK);
    }

    #[track_caller]
    pub(crate) fn nothing_received(&mut self) {
        assert!(self.server.poll_request().is_pending(), "a request has arrived");
    }

    /// A request that needs no refresh is answered, with this token.
    #[track_caller]
    pub(crate) fn succeeds_with(&mut self, token: &str) {
        let mut call = self.call(get(ME));
        assert_pending!(call.poll());
        self.received_with(token).send_response(ok());
        assert_eq!(status(call.poll()), StatusCode::OK);
    }

    /// A request that may have to wait for a new token is answered: it had this one.
    #[track_caller]
    pub(crate) fn gets_through_with(&mut self, token: &str) {
        let mut call = self.call(get(ME));
        self.succeeds(&mut call, token);
    }

    /// The driver as a task, after its first poll.
    pub(crate) fn drive(&self) -> task::Spawn<Driver> {
        let mut driver = task::spawn(self.session.driver());
        assert!(driver.poll_until_idle().is_pending());
        driver
    }
}

/// A session with this grant, logged in with `access-0` a minute ago.
pub(crate) fn logged_in(grant: impl Grant) -> (ManualTime, Session) {
    let time = ManualTime::new(7);
    let session = Session::builder(grant).time(time.clone()).build().unwrap();
    now(session.login(TokenSet::new("access-0").refresh_token("refresh-0").expires_in(LIFE))).unwrap();
    time.advance(secs(60));
    (time, session)
}

pub(crate) fn get(uri: &str) -> Req {
    Request::get(uri).body(Full::default()).unwrap()
}

pub(crate) fn request(method: Method, uri: &str, body: &'static str) -> Req {
    Request::builder().method(method).uri(uri).body(Full::from(body)).unwrap()
}

pub(crate) fn ok() -> Res {
    Response::new(TestBody::text("here you are"))
}

/// 401 by RFC 6750.
pub(crate) fn unauthorized() -> Res {
    challenged(&[r#"Bearer error="invalid_token""#], TestBody::text("no"))
}

/// 401 with these challenges.
pub(crate) fn challenged(challenges: &[&str], body: TestBody) -> Res {
    let mut response = Response::builder().status(StatusCode::UNAUTHORIZED);
    for challenge in challenges {
        response = response.header(header::WWW_AUTHENTICATE, *challenge);
    }
    response.body(body).unwrap()
}

/// The one bearer token of a request.
#[track_caller]
pub(crate) fn bearer<B>(request: &Request<B>) -> Option<&str> {
    let mut values = request.headers().get_all(header::AUTHORIZATION).iter();
    let value = values.next()?;
    assert!(values.next().is_none(), "two Authorization headers");
    value.to_str().unwrap().strip_prefix("Bearer ")
}

/// The response that has come.
#[track_caller]
pub(crate) fn response(polled: Poll<Answer>) -> Response<BearerBody<TestBody>> {
    match polled {
        Poll::Ready(answer) => answer.unwrap(),
        Poll::Pending => panic!("no response has come"),
    }
}

#[track_caller]
pub(crate) fn status(polled: Poll<Answer>) -> StatusCode {
    response(polled).status()
}

/// The error that has come.
#[track_caller]
pub(crate) fn failure(polled: Poll<Answer>) -> BoxError {
    match polled {
        Poll::Ready(answer) => answer.map(|response| response.status()).unwrap_err(),
        Poll::Pending => panic!("no answer has come"),
    }
}

/// The kind of our own error that has come.
#[track_caller]
pub(crate) fn our_failure(polled: Poll<Answer>) -> ErrorKind {
    failure(polled).downcast_ref::<Error>().unwrap().kind().clone()
}

/// The refusal that has come, and why there is nothing better.
#[track_caller]
pub(crate) fn explained(polled: Poll<Answer>) -> ErrorKind {
    let response = response(polled);
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    response.extensions().get::<Error>().expect("our error is in the extensions").kind().clone()
}

/// What does not wait.
#[track_caller]
pub(crate) fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it does not wait")
}

/// Everything a body still has, which must not have to be waited for.
pub(crate) fn read<B: Body<Data = Bytes>>(body: B) -> (Vec<u8>, Option<HeaderMap>, Option<B::Error>) {
    let (mut data, mut trailers) = (Vec::new(), None);
    let mut body = pin!(body);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        match Pin::as_mut(&mut body).poll_frame(&mut cx) {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(piece) => data.extend_from_slice(&piece),
                Err(frame) => trailers = frame.into_trailers().ok(),
            },
            Poll::Ready(Some(Err(error))) => return (data, trailers, Some(error)),
            Poll::Ready(None) => return (data, trailers, None),
            Poll::Pending => panic!("the body waits"),
        }
    }
}
