//! Mistakes that are easily made. What is looked for in each error is a type and a sentence: the
//! rest is the compiler's, and changes.

use crate::compiler::errors;

/// What all of them have in common.
const USES: &str = "
use std::{convert::Infallible, future::{Ready, ready}, task::{Context, Poll}, time::Duration};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Empty, Full, combinators::{MapErr, UnsyncBoxBody}};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokenflight::{BearerLayer, BoxError, Origins, Session};
use tokenflight::bearer::CloneBody;
use tonic::transport::Channel;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::{Layer, Service, ServiceBuilder};
";

#[track_caller]
fn assert_said(name: &str, code: &str, texts: [&str; 2]) {
    let said = errors(name, &format!("{USES}{code}"));
    // The compiler breaks lines where it likes, and says by which way it knows a crate.
    let words =
        said.split_whitespace().collect::<Vec<_>>().join(" ").replace("tokenflight_example_clients::crates::", "");
    for text in texts {
        assert!(words.contains(text), "`{text}` is not in:\n{said}");
    }
}

/// Were the crates not found, every one of these would have an error.
#[test]
fn what_is_right_compiles() {
    let code = "
        pub async fn send(layer: BearerLayer, channel: Channel, request: Request<Full<Bytes>>) -> Result<(), BoxError> {
            let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
            let mut client = ServiceBuilder::new().layer(layer.clone()).buffer(8).rate_limit(1, Duration::from_secs(1)).service(client);
            client.ready().await?.call(request.clone()).await?;
            client.clone().oneshot(Request::get(\"https://api.example.com/\").body(Full::default())?).await?;
            tokenflight_reqwest::client(reqwest::Client::new(), layer.clone()).oneshot(request.map(reqwest::Body::wrap)).await?;
            HealthClient::new(tokenflight_tonic::client(channel, layer)).check(HealthCheckRequest::default()).await?;
            Ok(())
        }
    ";
    let said = errors("right", &format!("{USES}{code}"));
    assert!(said.is_empty(), "{said}");
}

#[test]
fn tonic_without_a_recording() {
    let code = "
        pub async fn send(layer: BearerLayer, channel: Channel) {
            let mut client = HealthClient::new(ServiceBuilder::new().layer(layer).service(channel));
            let _ = client.check(HealthCheckRequest::default()).await;
        }
    ";
    assert_said("tonic", code, ["`tonic::body::Body`", "for tonic write `tokenflight_tonic::client(channel, layer)`"]);
}

#[test]
fn reqwest_as_it_is() {
    let code = "
        pub async fn send(layer: BearerLayer, request: Request<reqwest::Body>) {
            let layer = layer.replay_with(reqwest::Body::wrap);
            let client = ServiceBuilder::new().layer(layer).service(reqwest::Client::new());
            let _ = client.oneshot(request).await;
        }
    ";
    let sentence = "for reqwest write `tokenflight_reqwest::client(client, layer)`";
    assert_said("reqwest", code, ["`http::Request<reqwest::Body>`", sentence]);
}

#[test]
fn a_service_that_cannot_be_cloned() {
    let code = "
        pub struct Connection;

        impl Service<Request<String>> for Connection {
            type Response = Response<String>;
            type Error = Infallible;
            type Future = Ready<Result<Response<String>, Infallible>>;
            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> { Poll::Ready(Ok(())) }
            fn call(&mut self, _: Request<String>) -> Self::Future { ready(Ok(Response::default())) }
        }

        pub async fn send(layer: BearerLayer, request: Request<String>) {
            let client = ServiceBuilder::new().layer(layer).service(Connection);
            let _ = client.oneshot(request).await;
        }
    ";
    assert_said(
        "connection",
        code,
        ["`Connection` cannot be cloned", "`ServiceBuilder::new().layer(bearer).buffer(64)`"],
    );
}

#[test]
fn a_body_that_cannot_be_cloned() {
    let code = "
        pub type Streaming = UnsyncBoxBody<Bytes, BoxError>;

        pub async fn send(layer: BearerLayer, request: Request<Streaming>) {
            let client = Client::builder(TokioExecutor::new()).build_http::<Streaming>();
            let client = ServiceBuilder::new().layer(layer).service(client);
            let _ = client.oneshot(request).await;
        }
    ";
    assert_said("unsync", code, ["`UnsyncBoxBody<", "record it: `BearerLayer::new(session, origins).replay_with(…)`"]);
}

/// It is `Clone`; that its clones are independent is not known.
#[test]
fn a_body_whose_clones_may_share_one_position() {
    let code = "
        pub type Mapped = MapErr<Full<Bytes>, fn(Infallible) -> BoxError>;

        pub async fn send(layer: BearerLayer, request: Request<Mapped>) {
            let _: Mapped = request.body().clone();
            let client = Client::builder(TokioExecutor::new()).build_http::<Mapped>();
            let client = ServiceBuilder::new().layer(layer).service(client);
            let _ = client.oneshot(request).await;
        }
    ";
    let sentence = "may share one reading position, so the layer does not clone it for a replay";
    assert_said("mapped", code, ["clones of `MapErr<", sentence]);
}

#[test]
fn a_rate_limit_inside() {
    let code = "
        pub async fn send(layer: BearerLayer, request: Request<Full<Bytes>>) {
            let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
            let limited = ServiceBuilder::new().rate_limit(10, Duration::from_secs(1)).service(client);
            let _ = ServiceBuilder::new().layer(layer).service(limited).oneshot(request).await;
        }
    ";
    assert_said("limit", code, ["`RateLimit<", "`ServiceBuilder::new().layer(bearer).buffer(64)`"]);
}

/// As it is written most often: one chain, which asks for the whole at once.
#[test]
fn a_rate_limit_inside_one_chain() {
    let code = "
        pub async fn send(layer: BearerLayer, request: Request<Full<Bytes>>) {
            let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
            let client = ServiceBuilder::new().layer(layer).rate_limit(10, Duration::from_secs(1)).service(client);
            let _ = client.oneshot(request).await;
        }
    ";
    assert_said("chain", code, ["`RateLimit<", "`ServiceBuilder::new().layer(bearer).buffer(64)`"]);
}

#[test]
fn a_body_of_another_type() {
    let code = "
        pub async fn send(layer: BearerLayer, request: Request<Full<Bytes>>) {
            let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
            let client = ServiceBuilder::new().layer(layer).service(client);
            let _ = client.oneshot(request).await;
        }
    ";
    let sentence = "if the client wants another body, send that, or have it made: `BearerLayer::new(session, origins).replay_with(…)`";
    assert_said("body", code, ["`HttpService<http_body_util::Full<bytes::Bytes>>`", sentence]);
}
