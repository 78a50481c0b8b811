//! What users put around the layer, or in its place.

use std::future::ready;

use http::header::AUTHORIZATION;
use http_body_util::BodyExt;
use tokenflight::BearerOptions;
use tower_http::timeout::TimeoutLayer;

use crate::fixture::*;

type Req = Request<Full<Bytes>>;

/// Answers with the token it was sent.
fn echo(request: Req) -> std::future::Ready<Result<Response<Full<Bytes>>, BoxError>> {
    let token = request.headers().get(AUTHORIZATION).map_or("", |value| value.to_str().unwrap()).to_owned();
    ready(Ok(Response::new(Full::from(token))))
}

/// It wants a body with a default.
#[tokio::test]
async fn tower_https_timeout_goes_around_the_layer() {
    let fixture = Fixture::new();
    let client = ServiceBuilder::new()
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(1)))
        .layer(fixture.layer())
        .service(service_fn(echo));
    let answer = client.oneshot(fixture.request()).await.unwrap();
    assert!(answer.into_body().collect().await.unwrap().to_bytes().starts_with(b"Bearer "));
}

#[tokio::test]
async fn origins_come_from_a_configuration() {
    let fixture = Fixture::new();
    let configured: Vec<String> = vec!["https://api.example.com".to_owned()];
    let layer = BearerLayer::new(fixture.session.clone(), Origins::new(&configured).unwrap());
    let client = ServiceBuilder::new().layer(layer).service(service_fn(echo));
    let answer = client.oneshot(fixture.request()).await.unwrap();
    assert!(answer.into_body().collect().await.unwrap().to_bytes().starts_with(b"Bearer "));
}

/// In place of `option_layer`, whose two sides would have answers of two types.
#[tokio::test]
async fn a_layer_can_be_switched_off() {
    for on in [true, false] {
        let fixture = Fixture::new();
        let options = BearerOptions::new();
        let options = if on { options } else { options.without_token() };
        let client = ServiceBuilder::new().layer(fixture.layer().options(options)).service(service_fn(echo));
        let answer = client.oneshot(fixture.request()).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes().starts_with(b"Bearer "), on);
    }
}
