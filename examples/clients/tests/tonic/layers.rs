//! A channel behind two layers, or behind one that sends no token.

use std::error::Error as _;

use http::{Request, Response, StatusCode};
use tokenflight::{BearerLayer, BearerOptions, BoxError, Error, NoToken, Origins, bearer::ReplayBody};
use tokenflight_example_clients::Fixture;
use tonic::{Code, Status, body::Body};
use tower::{Layer, Service, ServiceExt, service_fn};

const SERVER: &str = "https://grpc.example.com";
const OTHER: &str = "https://other.example.com";

/// A channel to a server that answers every call in this way.
fn channel(answer: fn(http::response::Builder) -> http::response::Builder) -> impl Channel {
    service_fn(move |_: Request<Body>| async move { Ok(answer(Response::builder()).body(Body::default())?) })
}

trait Channel:
    Service<Request<Body>, Response = Response<Body>, Error = BoxError, Future: Send> + Clone + Send + 'static
{
}

impl<S> Channel for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = BoxError, Future: Send> + Clone + Send + 'static
{
}

async fn fails(client: impl Service<Request<Body>, Error = Status>) -> Status {
    let call = Request::post(format!("{SERVER}/package.Service/Method")).body(Body::default()).unwrap();
    client.oneshot(call).await.err().unwrap()
}

/// Its user has to log in, and learns of it.
#[tokio::test]
async fn of_two_layers_the_one_that_has_sent_a_token_gives_the_error() {
    let (fixture, other) = (Fixture::start().await.unwrap(), Fixture::start().await.unwrap());
    assert_eq!(fixture.auth().revoke_family("login-1"), 1);
    let refusing = channel(|answer| answer.header("content-type", "application/grpc").header("grpc-status", "16"));
    let construct: fn(ReplayBody<Body>) -> Body = Body::new;
    let inner = BearerLayer::new(fixture.session(), Origins::new([SERVER]).unwrap()).replay_with(construct);
    let outer = BearerLayer::new(other.session(), Origins::new([OTHER]).unwrap());
    let status = fails(tokenflight_tonic::client(inner.layer(refusing), outer)).await;
    assert_eq!(status.code(), Code::Unauthenticated);
    let error = status.source().and_then(|source| source.downcast_ref::<Error>());
    assert!(error.is_some_and(Error::needs_login), "{:?}", status.source());
}

/// Here without a `grpc-status`, as a proxy answers.
#[tokio::test]
async fn a_refusal_of_a_call_without_a_token_has_the_servers_code() {
    let fixture = Fixture::start().await.unwrap();
    let layer = BearerLayer::new(fixture.session(), Origins::new([SERVER]).unwrap())
        .options(BearerOptions::new().without_token())
        .refused_when(|status, _| status == StatusCode::FORBIDDEN);
    let status = fails(tokenflight_tonic::client(channel(|answer| answer.status(StatusCode::FORBIDDEN)), layer)).await;
    assert_eq!(status.code(), Code::PermissionDenied);
    assert!(status.source().is_some_and(|source| source.is::<NoToken>()));
}
