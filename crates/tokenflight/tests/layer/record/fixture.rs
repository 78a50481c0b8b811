//! A client whose bodies are recorded, and the server it speaks to.

use std::task::Poll;

use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use tokenflight::{
    Bearer, BearerBody, BearerLayer, BoxError, Origins, Session,
    bearer::{Recorded, ReplayBody},
};
use tokenflight_test::{ManualTime, MockGrant};
use tokio_test::{assert_ready_ok, task};
use tower_test::mock::{self, Handle, Mock, SendResponse, Spawn};

use crate::{
    fixture::{API, ME, bearer, logged_in, now, ok, read, unauthorized},
    scripted::TestBody,
};

pub(super) type Sent = Request<ReplayBody<TestBody>>;
pub(super) type Service = Mock<Sent, http::Response<TestBody>>;
pub(super) type Keep = Recorded<fn(ReplayBody<TestBody>) -> ReplayBody<TestBody>>;
pub(super) type Call = task::Spawn<<Bearer<Service, Keep> as tower_service::Service<Request<TestBody>>>::Future>;
pub(super) type Answer = Result<http::Response<BearerBody<TestBody>>, BoxError>;

/// Logged in with `access-0` a minute ago, in front of a client that takes recorded bodies.
pub(super) struct Fixture {
    pub(super) time: ManualTime,
    pub(super) grant: MockGrant,
    _session: Session,
    pub(super) client: Spawn<Bearer<Service, Keep>>,
    pub(super) server: Handle<Sent, http::Response<TestBody>>,
}

impl Fixture {
    pub(super) fn new() -> Self {
        Self::with(|layer| layer)
    }

    pub(super) fn with(change: impl FnOnce(BearerLayer<Keep>) -> BearerLayer<Keep>) -> Self {
        let grant = MockGrant::new();
        let (time, session) = logged_in(grant.clone());
        let layer = BearerLayer::new(session.clone(), Origins::new([API]).unwrap());
        let construct: fn(ReplayBody<TestBody>) -> ReplayBody<TestBody> = |body| body;
        let (client, server) = mock::spawn_layer(change(layer.replay_with(construct)));
        Self { time, grant, _session: session, client, server }
    }

    #[track_caller]
    pub(super) fn call(&mut self, request: Request<TestBody>) -> Call {
        assert_ready_ok!(self.client.poll_ready::<Request<TestBody>>());
        task::spawn(self.client.call(request))
    }

    #[track_caller]
    pub(super) fn received(&mut self) -> (Sent, SendResponse<http::Response<TestBody>>) {
        match self.server.poll_request() {
            Poll::Ready(Some(received)) => received,
            other => panic!("no request has arrived: {:?}", other.map(drop)),
        }
    }

    /// Sends a body, reads it as a client does, refuses the request, and says what is sent then.
    #[track_caller]
    pub(super) fn replay_of(&mut self, body: TestBody) -> Option<(Vec<u8>, Option<HeaderMap>)> {
        self.replay_after(post(body), |sent| {
            let _all = now(sent.into_body().collect());
        })
    }

    /// As [`replay_of`](Self::replay_of), with what the client does to the first request.
    #[track_caller]
    pub(super) fn replay_after(
        &mut self,
        request: Request<TestBody>,
        send: impl FnOnce(Sent),
    ) -> Option<(Vec<u8>, Option<HeaderMap>)> {
        let mut call = self.call(request);
        let (first, respond) = self.received();
        assert_eq!(bearer(&first), Some("access-0"));
        send(first);
        respond.send_response(unauthorized());
        if let Poll::Ready(answer) = call.poll_until_idle() {
            assert_eq!(status(answer), StatusCode::UNAUTHORIZED);
            assert_eq!(self.grant.count(), 0, "the refresh is not waited for");
            return None;
        }
        let (again, respond) = self.received();
        assert_eq!(bearer(&again), Some("access-1"));
        let (_, body) = again.into_parts();
        let (known, ends) = (body.size_hint().exact(), body.is_end_stream());
        let (data, trailers, error) = read(body);
        assert!(error.is_none());
        assert_eq!((known, ends), (Some(data.len() as u64), data.is_empty() && trailers.is_none()));
        respond.send_response(ok());
        assert_eq!(status(ready(call.poll())), StatusCode::OK);
        Some((data, trailers))
    }
}

pub(super) fn post(body: TestBody) -> Request<TestBody> {
    Request::builder().method(Method::POST).uri(ME).body(body).unwrap()
}

/// As tonic makes it: a body that does not tell its length.
pub(super) fn grpc(body: TestBody) -> Request<TestBody> {
    let mut request = post(body);
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc+proto"));
    request
}

pub(super) fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(header::ETAG, HeaderValue::from_static("checksum"))])
}

#[track_caller]
pub(super) fn ready(polled: Poll<Answer>) -> Answer {
    match polled {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("no response has come"),
    }
}

#[track_caller]
pub(super) fn status(answer: Answer) -> StatusCode {
    answer.unwrap().status()
}

/// The next frame, which must be there.
#[track_caller]
pub(super) fn frame<B: Body + Unpin>(body: &mut B) -> Option<Result<Frame<B::Data>, B::Error>> {
    now(body.frame())
}
