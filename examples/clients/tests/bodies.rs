//! `replay_with` for every framework's body types: it compiles, and the replay has the same body.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::{
    BodyExt, Full, StreamBody,
    combinators::{BoxBody, UnsyncBoxBody},
};
use tokenflight::{BearerLayer, BoxError, GrantError, Origins, Session, TokenRequest, TokenSet, grant_fn};
use tower::{Layer, Service, ServiceExt, service_fn};

const API: &str = "https://api.example.com";

/// A layer whose token is refused.
async fn layer() -> BearerLayer {
    let grant = grant_fn(|_: TokenRequest| async { Ok::<_, GrantError>(TokenSet::new("new").refresh_token("r")) });
    let session = Session::builder(grant).configure(|policy| policy.fresh_window = std::time::Duration::ZERO);
    let session = session.build().unwrap();
    session.login(TokenSet::new("old").refresh_token("r")).await.unwrap();
    BearerLayer::new(session, Origins::new([API]).unwrap())
}

/// A client with bodies of one type: answers what it was sent, once the token is the new one.
fn client<B>() -> impl Service<Request<B>, Response = Response<Full<Bytes>>, Error = BoxError, Future: Send + 'static>
+ Clone
+ Send
+ 'static
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    service_fn(|request: Request<B>| async move {
        let old = request.headers()[header::AUTHORIZATION] == "Bearer old";
        let sent = request.into_body().collect().await.map_err(Into::into)?.to_bytes();
        let mut response = Response::new(Full::new(sent));
        if old {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
        }
        Ok(response)
    })
}

/// A body that cannot be cloned, in two pieces, whose length is not told.
fn pieces() -> impl Body<Data = Bytes, Error = BoxError> + Unpin + Send + Sync + 'static {
    StreamBody::new(stream::iter(["in two ", "pieces"].map(|piece| Ok(Frame::data(Bytes::from(piece))))))
}

async fn assert_replayed<S, B>(client: S, body: B, expected: &str)
where
    S: Service<Request<B>, Response: IntoText, Error = BoxError>,
{
    let request = Request::post(API).body(body).unwrap();
    assert_eq!(client.oneshot(request).await.unwrap().into_text().await, (StatusCode::OK, expected.to_owned()));
}

trait IntoText {
    fn into_text(self) -> impl Future<Output = (StatusCode, String)>;
}

impl<B: Body<Error: std::fmt::Debug>> IntoText for Response<B> {
    async fn into_text(self) -> (StatusCode, String) {
        let status = self.status();
        let bytes = self.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(bytes.into()).unwrap())
    }
}

#[tokio::test]
async fn box_body() {
    let layer = layer().await.replay_with(BoxBody::new).replay_unknown_length();
    let client = layer.layer(client::<BoxBody<Bytes, BoxError>>());
    assert_replayed(client, BodyExt::boxed(pieces()), "in two pieces").await;
}

#[tokio::test]
async fn unsync_box_body() {
    let layer = layer().await.replay_with(UnsyncBoxBody::new).replay_unknown_length();
    let client = layer.layer(client::<UnsyncBoxBody<Bytes, BoxError>>());
    assert_replayed(client, pieces().boxed_unsync(), "in two pieces").await;
}

#[tokio::test]
async fn tonic_body() {
    let layer = layer().await.replay_with(tonic::body::Body::new).replay_unknown_length();
    let client = layer.layer(client::<tonic::body::Body>());
    assert_replayed(client, tonic::body::Body::new(pieces()), "in two pieces").await;
}

#[tokio::test]
async fn axum_body() {
    let layer = layer().await.replay_with(axum::body::Body::new).replay_unknown_length();
    let client = layer.layer(client::<axum::body::Body>());
    assert_replayed(client, axum::body::Body::new(pieces()), "in two pieces").await;
}

#[tokio::test]
async fn reqwest_body() {
    let layer = layer().await.replay_with(reqwest::Body::wrap).replay_unknown_length();
    let client = layer.layer(client::<reqwest::Body>());
    assert_replayed(client, reqwest::Body::wrap(pieces()), "in two pieces").await;
}

#[tokio::test]
async fn octocrab_body() {
    let layer = layer().await.replay_with(octocrab::OctoBody::new);
    let client = layer.layer(client::<octocrab::OctoBody>());
    assert_replayed(client, octocrab::OctoBody::from("whole"), "whole").await;
}

#[tokio::test]
async fn kube_body() {
    let layer = layer().await.replay_with(UnsyncBoxBody::new);
    let client = layer.layer(client::<UnsyncBoxBody<Bytes, kube_client::Error>>());
    assert_replayed(client, kube_client::client::Body::from(Bytes::from("whole")), "whole").await;
}

/// One body type in, another out: a caller of `Full` in front of a client of boxes.
#[tokio::test]
async fn from_one_type_to_another() {
    let client = layer().await.replay_with(BoxBody::new).layer(client::<BoxBody<Bytes, std::convert::Infallible>>());
    assert_replayed(client, Full::new(Bytes::from("whole")), "whole").await;
}
