//! Both servers and a session, as a user has them in one call.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokenflight::{BearerLayer, ErrorKind, Origins};
use tokenflight_test::{Servers, Verdict};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower::Layer;

/// What the API answers to a request that goes through the layer.
async fn ask(servers: &Servers) -> (StatusCode, Bytes) {
    let origins = Origins::with_plain_loopback([servers.origin()]).unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let client = BearerLayer::new(servers.session(), origins).layer(client);
    let request = Request::get(servers.url("/me")).body(Empty::new()).unwrap();
    let (head, body) = client.oneshot(request).await.unwrap().into_parts();
    (head.status, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn a_refused_request_is_sent_once_more_after_one_refresh() {
    let servers = Servers::start().await.unwrap();
    assert_eq!(ask(&servers).await.0, StatusCode::OK);
    assert_eq!((servers.api().counts().requests, servers.auth().report().total.token_requests), (1, 0));

    servers.auth().expire_all_access();
    assert_eq!(ask(&servers).await, (StatusCode::OK, Bytes::from_static(b"here you are")));
    let (api, auth) = (servers.api().counts(), servers.auth().report());
    assert_eq!((api.requests, api.refused, api.accepted), (3, 1, 2), "the request, and its replay");
    assert_eq!((auth.total.token_requests, auth.total.rotations), (1, 1));
    assert!(auth.is_alive("login-1"));
    auth.assert_unharmed();
}

#[tokio::test]
async fn a_session_that_the_server_has_ended_is_over() {
    let servers = Servers::start().await.unwrap();
    assert_eq!(servers.auth().revoke_family("login-1"), 1);
    assert_eq!(ask(&servers).await.0, StatusCode::UNAUTHORIZED);
    assert!(matches!(servers.session().token().await.unwrap_err().kind(), ErrorKind::Ended(_)));
}

#[tokio::test]
async fn habits_and_the_session_can_be_others() {
    let lifetime = std::time::Duration::from_secs(77);
    let servers = Servers::with(|auth| auth.access_lifetime(lifetime), |session| session.label("mine")).await.unwrap();
    assert_eq!(servers.auth().login().lifetime(), Some(lifetime));
    let token = servers.session().token().await.unwrap();
    assert_eq!(servers.auth().check(token.access().expose()), Verdict::Valid);
}

#[tokio::test]
async fn a_grant_of_ones_own_reaches_the_token_endpoint_until_the_servers_are_dropped() {
    let servers = Servers::start().await.unwrap();
    let endpoint = servers.token_endpoint();
    let address = endpoint.strip_prefix("http://").unwrap().strip_suffix("/token").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    stream.write_all(b"POST /token HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
    assert!(!format!("{servers:?}").contains("at-1-"));

    drop((servers, stream));
    tokio::task::yield_now().await;
    assert!(TcpStream::connect(&address).await.is_err());
}
