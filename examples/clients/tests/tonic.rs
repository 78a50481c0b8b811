//! gRPC over a real server and a real channel: what tonic's users get.
//!
//! | call | a dead token |
//! |---|---|
//! | unary, server streaming | is replaced before the call, unnoticed |
//! | client and bidirectional streaming | the call ends `UNAUTHENTICATED` if its stream was still open; the next one has a new token |
//! | any, refused in its trailers | the call ends as the server says; the next one has a new token |

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

#[path = "tonic/chat.rs"]
mod chat;
#[path = "tonic/layers.rs"]
mod layers;
#[path = "tonic/status.rs"]
mod status;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use chat::{Chat, ask, converse};
use futures_util::{StreamExt, stream};
use tokenflight::{
    Bearer, BearerLayer, Origins,
    bearer::{Recorded, ReplayBody},
};
use tokenflight_example_clients::{Fixture, Served, grpc};
use tokenflight_test::AuthServer;
use tonic::{
    Code,
    body::Body,
    service::Routes,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::Layer;

type Construct = fn(ReplayBody<Body>) -> Body;
type Client = Bearer<Channel, Recorded<Construct>>;

async fn client(fixture: &Fixture, server: &Served) -> Client {
    let channel = Endpoint::from_shared(server.url.clone()).unwrap().connect().await.unwrap();
    let origins = Origins::with_plain_loopback([&server.url]).unwrap().as_sole().unwrap();
    let construct: Construct = Body::new;
    BearerLayer::new(fixture.session(), origins).replay_with(construct).layer(channel)
}

async fn chat(auth: &AuthServer, chat: Chat) -> Served {
    grpc::serve_routes(Routes::new(chat), auth.clone()).await.unwrap()
}

#[track_caller]
fn assert_one_refresh(fixture: &Fixture) {
    assert_eq!(fixture.token_requests(), 1);
    fixture.auth().assert_unharmed();
}

#[tokio::test]
async fn a_server_stream_opens_with_a_new_token() {
    let fixture = Fixture::start().await.unwrap();
    let server = grpc::serve_health(fixture.auth().clone()).await.unwrap();
    let mut health = HealthClient::new(client(&fixture, &server).await);
    let mut events = health.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(events.message().await.unwrap().unwrap().status, 1);
    assert_one_refresh(&fixture);
}

#[tokio::test]
async fn a_hundred_calls_at_once_cost_one_token_request() {
    let fixture = Fixture::start().await.unwrap();
    let server = grpc::serve_health(fixture.auth().clone()).await.unwrap();
    let health = HealthClient::new(client(&fixture, &server).await);
    let calls = (0..100).map(|_| {
        let mut health = health.clone();
        async move { health.check(HealthCheckRequest::default()).await.unwrap() }
    });
    futures_util::future::join_all(calls).await;
    assert_one_refresh(&fixture);
}

#[tokio::test]
async fn a_stream_that_is_still_open_is_not_replayed_and_the_next_has_a_new_token() {
    let fixture = Fixture::start().await.unwrap();
    let server = chat(fixture.auth(), Chat::default()).await;
    let client = client(&fixture, &server).await;
    let open = stream::iter(["one", "two"]).chain(stream::pending());
    let refusal = converse(client.clone(), open).await.unwrap_err();
    assert_eq!(refusal.code(), Code::Unauthenticated);
    let mut answers = converse(client, stream::iter(["one", "two"])).await.unwrap();
    for text in ["one", "two"] {
        assert_eq!(answers.message().await.unwrap().unwrap().service, text);
    }
    assert!(answers.message().await.unwrap().is_none());
    assert_one_refresh(&fixture);
}

#[tokio::test]
async fn a_refusal_in_the_trailers_leaves_the_stream_alone_and_the_next_call_has_a_new_token() {
    let fixture = Fixture::with(Duration::from_secs(300), |session| session).await.unwrap();
    // Refuses at the end of its first answer, whatever the token.
    let server = chat(fixture.auth(), Chat::default().refusing_at_the_end(1)).await;
    let client = client(&fixture, &server).await;
    let mut answers = converse(client.clone(), stream::iter(["one", "two"])).await.unwrap();
    for text in ["one", "two"] {
        assert_eq!(answers.message().await.unwrap().unwrap().service, text);
    }
    assert_eq!(answers.message().await.unwrap_err().code(), Code::Unauthenticated);
    let before = fixture.session().state().generation;
    assert_eq!(ask(client, "three").await.unwrap().service, "three");
    assert!(fixture.session().state().generation > before);
    assert_one_refresh(&fixture);
}

#[tokio::test]
async fn a_server_that_wants_no_retry_gets_none() {
    let fixture = Fixture::start().await.unwrap();
    let server = grpc::serve_with(fixture.auth().clone(), |mut refusal| {
        refusal.headers_mut().insert("grpc-retry-pushback-ms", "-1".parse().unwrap());
        refusal
    });
    let server = server.await.unwrap();
    let mut health = HealthClient::new(client(&fixture, &server).await);
    let refusal = health.check(HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!(refusal.code(), Code::Unauthenticated);
    assert_eq!(health.check(HealthCheckRequest::default()).await.unwrap().into_inner().status, 1);
    assert_one_refresh(&fixture);
}

/// As the server sees it.
#[tokio::test]
async fn the_replay_has_what_is_left_of_the_deadline() {
    let fixture = Fixture::start().await.unwrap();
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&seen);
    let server = grpc::serve_watched(fixture.auth().clone(), move |headers| {
        log.lock().unwrap().extend(grpc::deadline(headers).map(str::to_owned));
    });
    let server = server.await.unwrap();
    let mut health = HealthClient::new(client(&fixture, &server).await);
    let mut request = tonic::Request::new(HealthCheckRequest::default());
    request.set_timeout(Duration::from_secs(20));
    health.check(request).await.unwrap();
    let micros: Vec<u64> =
        seen.lock().unwrap().iter().map(|text| text.strip_suffix('u').unwrap().parse().unwrap()).collect();
    assert!(matches!(micros[..], [20_000_000, left] if (10_000_000..20_000_000).contains(&left)), "{micros:?}");
}
