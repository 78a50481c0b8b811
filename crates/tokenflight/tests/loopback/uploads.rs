//! Bodies sent again over HTTP/1.1, also if the server refuses the request before it has read them.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Empty, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use tokenflight::{
    Bearer, BearerLayer, BoxError, Origins, Session,
    bearer::{Recorded, ReplayBody},
};
use tokenflight_test::{AuthServer, ManualTime};
use tokio::{net::TcpListener, task::JoinSet};
use tower_layer::Layer;

use crate::on_tokio;

type Upload = UnsyncBoxBody<Bytes, BoxError>;
type Sent = UnsyncBoxBody<Bytes, BoxError>;
type Uploads = Bearer<Client<HttpConnector, Sent>, Recorded<fn(ReplayBody<Upload>) -> Sent>>;

/// When the API refuses what has the first token.
#[derive(Clone, Copy)]
enum Refuses {
    AtOnce,
    AfterTheBody,
}

/// What it has accepted: the size of the body, and its trailers.
type Accepted = (usize, Option<HeaderMap>);

/// An API that refuses the first token, and a client of it.
struct Fixture {
    url: String,
    accepted: Arc<Mutex<Vec<Accepted>>>,
    client: Uploads,
    _server: JoinSet<()>,
}

impl Fixture {
    async fn new(refuses: Refuses) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let accepted = Arc::<Mutex<Vec<_>>>::default();
        let (log, mut server) = (Arc::clone(&accepted), JoinSet::new());
        let time = ManualTime::new(5);
        let auth = AuthServer::new(time.shared());
        let login = auth.login();
        let spent = format!("Bearer {}", login.access().expose());
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let (log, spent) = (Arc::clone(&log), spent.clone());
                let answer = hyper::service::service_fn(move |request| {
                    answer(request, refuses, spent.clone(), Arc::clone(&log))
                });
                connections.spawn(async move {
                    // A connection that breaks is the client's affair.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), answer).await;
                });
            }
        });
        let session = Session::builder(auth.grant()).time(time.clone()).build().unwrap();
        session.login(login).await.unwrap();
        time.advance(Duration::from_secs(60));
        let client = Client::builder(TokioExecutor::new()).build_http();
        let construct: fn(ReplayBody<Upload>) -> Sent = UnsyncBoxBody::new;
        let layer = BearerLayer::new(session, Origins::with_plain_loopback([url.as_str()]).unwrap())
            .replay_with(construct)
            .replay_unknown_length();
        Self { url, accepted, client: layer.layer(client), _server: server }
    }

    async fn send(&self, request: http::request::Builder, body: Upload) -> StatusCode {
        self.client.clone().oneshot(request.method("POST").uri(&self.url).body(body).unwrap()).await.unwrap().status()
    }
}

async fn answer(
    request: Request<Incoming>,
    refuses: Refuses,
    spent: String,
    log: Arc<Mutex<Vec<Accepted>>>,
) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    let refused = request.headers()[header::AUTHORIZATION] == spent;
    let body = request.into_body().collect();
    if refused && matches!(refuses, Refuses::AtOnce) {
        // A server that left it unread would have to close the connection.
        #[allow(clippy::disallowed_methods)] // A server's task, not the library's.
        tokio::spawn(body);
    } else {
        let body = body.await?;
        let trailers = body.trailers().cloned();
        if !refused {
            log.lock().unwrap().push((body.to_bytes().len(), trailers));
        }
    }
    let mut response = Response::new(Empty::new());
    if refused {
        *response.status_mut() = StatusCode::UNAUTHORIZED;
    }
    Ok(response)
}

/// As an upload with a checksum at its end, which does not say how large it is.
#[test]
fn a_chunked_body_is_sent_again_with_its_trailers() {
    on_tokio(async {
        let fixture = Fixture::new(Refuses::AfterTheBody).await;
        let trailers = HeaderMap::from_iter([(header::ETAG, HeaderValue::from_static("checksum"))]);
        let frames = [Frame::data(Bytes::from_static(b"body")), Frame::trailers(trailers.clone())];
        let body = StreamBody::new(stream::iter(frames.map(Ok::<_, BoxError>))).boxed_unsync();
        let status = fixture.send(Request::builder().header(header::TRAILER, "etag"), body).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(*fixture.accepted.lock().unwrap(), [(4, Some(trailers))]);
    });
}

/// The frames an upload has, and what they hold.
const FRAMES: usize = 40;
const FRAME: &[u8] = &[b'x'; 1024];

/// A file read while it is sent: its size is known, and its frames are not all there at once.
struct File {
    left: usize,
    waited: bool,
}

impl Body for File {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        self.waited = !self.waited;
        if self.waited {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
        self.left = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(FRAME)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact((self.left * FRAME.len()) as u64)
    }
}

/// The server refuses by the head alone, and the client stops reading the body, or does not: which
/// of them comes first is different each time.
#[test]
fn an_upload_of_known_size_that_is_refused_early_is_sent_again_every_time() {
    on_tokio(async {
        for round in 0..60 {
            let fixture = Fixture::new(Refuses::AtOnce).await;
            let file = File { left: FRAMES, waited: false };
            let status = fixture.send(Request::builder(), file.boxed_unsync()).await;
            assert_eq!(status, StatusCode::OK, "round {round}");
            assert_eq!(*fixture.accepted.lock().unwrap(), [(FRAMES * FRAME.len(), None)], "round {round}");
        }
    });
}
