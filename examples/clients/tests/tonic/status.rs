//! What a call ends with when there is no token for it.

use std::{error::Error as _, time::Duration};

use tokenflight::{BearerLayer, Error, ErrorKind, NoToken, Origins, Session};
use tokenflight_example_clients::{Fixture, Served, grpc};
use tokenflight_test::Fault;
use tokenflight_tonic::Client;
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// What a program keeps.
struct Health(HealthClient<Client<Channel>>);

impl Health {
    async fn of(session: &Session, server: &Served) -> Self {
        let channel = Endpoint::from_shared(server.url.clone()).unwrap().connect().await.unwrap();
        let origins = Origins::with_plain_loopback([&server.url]).unwrap().as_sole().unwrap();
        Self(HealthClient::new(tokenflight_tonic::client(channel, BearerLayer::new(session.clone(), origins))))
    }

    async fn fails(&mut self, timeout: Option<Duration>) -> Status {
        let mut request = tonic::Request::new(HealthCheckRequest::default());
        if let Some(timeout) = timeout {
            request.set_timeout(timeout);
        }
        self.0.check(request).await.unwrap_err()
    }
}

/// The layer's error, where a caller looks for it.
#[track_caller]
fn source(status: &Status) -> &Error {
    status.source().and_then(|source| source.downcast_ref()).expect("the layer's error is the source")
}

#[tokio::test]
async fn a_call_without_a_login_is_unauthenticated() {
    let fixture = Fixture::start().await.unwrap();
    let server = grpc::serve_health(fixture.auth().clone()).await.unwrap();
    let session = Session::builder(fixture.auth().grant()).build().unwrap();
    let status = Health::of(&session, &server).await.fails(None).await;
    assert_eq!((status.code(), source(&status).kind()), (Code::Unauthenticated, &ErrorKind::NotLoggedIn));
}

/// The next call has no token to be refused with, and ends in the same way.
#[tokio::test]
async fn a_refused_call_that_ends_the_session_is_unauthenticated() {
    let fixture = Fixture::start().await.unwrap();
    let server = grpc::serve_with(fixture.auth().clone(), |mut refusal| {
        refusal.headers_mut().insert("x-reason", "revoked".parse().unwrap());
        refusal
    });
    let server = server.await.unwrap();
    assert_eq!(fixture.auth().revoke_family("login-1"), 1);
    let mut health = Health::of(&fixture.session(), &server).await;
    let refused = health.fails(None).await;
    assert!(source(&refused).is_ended(), "{refused:?}");
    assert_eq!((refused.code(), refused.message()), (Code::Unauthenticated, "the token has expired"));
    assert_eq!(refused.metadata().get("x-reason").unwrap(), "revoked");
    let next = health.fails(None).await;
    assert!(next.code() == Code::Unauthenticated && source(&next).is_ended(), "{next:?}");
    assert!(next.message().contains("invalid_grant"), "{next:?}");
}

/// What a program prints of a status is its message; of the source nothing.
#[tokio::test]
async fn the_message_names_the_code_with_which_the_authorization_server_refuses_the_client() {
    let fixture = Fixture::start().await.unwrap();
    let server = grpc::serve_health(fixture.auth().clone()).await.unwrap();
    fixture.auth().faults().push(Fault::respond(401, r#"{"error":"invalid_client"}"#));
    fixture.auth().expire_all_access();
    let mut health = Health::of(&fixture.session(), &server).await;
    let refused = health.fails(None).await;
    assert_eq!(refused.message(), "the token has expired", "the server's own");
    let next = health.fails(None).await;
    assert_eq!((next.code(), source(&next).code()), (Code::Unauthenticated, Some("invalid_client")));
    assert!(next.message().contains("invalid_client"), "{next:?}");
}

/// The refresh hangs. A call without a token and a refused one wait no longer than their deadline.
#[tokio::test]
async fn a_deadline_that_passes_while_a_token_is_waited_for_is_exceeded() {
    let fixture = Fixture::start().await.unwrap();
    let server = grpc::serve_health(fixture.auth().clone()).await.unwrap();
    fixture.auth().faults().push(Fault::HangBefore);
    let mut health = Health::of(&fixture.session(), &server).await;
    let refused = health.fails(Some(Duration::from_millis(200))).await;
    assert_eq!((refused.code(), source(&refused).kind()), (Code::DeadlineExceeded, &ErrorKind::TimedOut));
    let waiting = health.fails(Some(Duration::from_millis(200))).await;
    assert_eq!((waiting.code(), source(&waiting).kind()), (Code::DeadlineExceeded, &ErrorKind::TimedOut));
}

/// The most frequent mistake: no `as_sole`. The calls of a channel name no server.
#[tokio::test]
async fn a_call_that_had_no_token_says_why() {
    let fixture = Fixture::start().await.unwrap();
    let server = grpc::serve_health(fixture.auth().clone()).await.unwrap();
    let origins = Origins::with_plain_loopback([&server.url]).unwrap();
    let channel = Endpoint::from_shared(server.url.clone()).unwrap().connect().await.unwrap();
    let client = tokenflight_tonic::client(channel, BearerLayer::new(fixture.session(), origins));
    let status = HealthClient::new(client).check(HealthCheckRequest::default()).await.unwrap_err();
    let why = status.source().and_then(|source| source.downcast_ref());
    assert_eq!((status.code(), why), (Code::Unauthenticated, Some(&NoToken::NoAuthority)), "{status:?}");
}

/// What is no failure of the layer stays what it is.
#[tokio::test]
async fn a_server_that_is_gone_is_unavailable() {
    let fixture = Fixture::with(Duration::from_secs(300), |session| session).await.unwrap();
    let server = grpc::serve_health(fixture.auth().clone()).await.unwrap();
    let origins = Origins::with_plain_loopback(["http://127.0.0.1:9"]).unwrap().as_sole().unwrap();
    let channel = Endpoint::from_static("http://127.0.0.1:9").connect_lazy();
    let client = tokenflight_tonic::client(channel, BearerLayer::new(fixture.session(), origins));
    drop(server);
    let status = HealthClient::new(client).check(HealthCheckRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
}
