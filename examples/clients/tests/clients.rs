//! Every example, run as its reader would run it: what its caller notices and what the servers saw.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

use std::{process::Command, time::Duration};

use axum::Router;
use http::{HeaderMap, HeaderName, StatusCode};
use tokenflight_example_clients::{Fixture, Served, grpc, on_smol, serve};
use tokenflight_test::Servers;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[path = "../hyper_client.rs"]
mod hyper_client;
#[path = "../kube_client.rs"]
mod kube_client_;
#[path = "../octocrab_client.rs"]
mod octocrab_client;
#[path = "../reqwest_client.rs"]
mod reqwest_client;
#[path = "../reverse_proxy.rs"]
mod reverse_proxy;
#[path = "../smol_client.rs"]
mod smol_client;
#[path = "../sse_reconnect.rs"]
mod sse_reconnect;
#[path = "../tonic_client.rs"]
mod tonic_client;

/// One token request, and the session lives.
#[track_caller]
fn assert_one_refresh(fixture: &Fixture) {
    assert_eq!(fixture.token_requests(), 1);
    fixture.auth().assert_unharmed();
}

#[tokio::test]
async fn hyper() {
    let servers = Servers::start().await.unwrap();
    servers.auth().expire_all_access();
    assert_eq!(hyper_client::run(&servers).await.unwrap(), [StatusCode::OK; 20]);
    assert_eq!(servers.auth().report().total.token_requests, 1);
    servers.auth().assert_unharmed();
}

#[tokio::test]
async fn reqwest() {
    let fixture = Fixture::start().await.unwrap();
    assert_eq!(reqwest_client::run(&fixture).await.unwrap(), "sent twice, arrived once");
    assert_one_refresh(&fixture);
}

#[tokio::test]
async fn tonic() {
    let fixture = Fixture::start().await.unwrap();
    let server = grpc::serve_health(fixture.auth().clone()).await.unwrap();
    assert_eq!(tonic_client::run(fixture.session(), &server.url).await.unwrap(), 1);
    assert_one_refresh(&fixture);
}

#[tokio::test]
async fn kube() {
    let fixture = Fixture::start().await.unwrap();
    assert_eq!(kube_client_::run(&fixture).await.unwrap(), "\"web\"");
    assert_one_refresh(&fixture);
}

#[tokio::test]
async fn octocrab() {
    let fixture = Fixture::start().await.unwrap();
    assert_eq!(octocrab_client::run(&fixture).await.unwrap(), "\"octocat\"");
    assert_one_refresh(&fixture);
}

#[test]
fn smol() {
    let servers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let fixture = servers.block_on(on_smol()).unwrap();
    assert_eq!(smol_client::run(&fixture.session(), fixture.url()).unwrap(), StatusCode::OK);
    assert_one_refresh(&fixture);
}

#[tokio::test]
#[allow(clippy::disallowed_methods)] // The driver runs on tokio.
async fn server_sent_events() {
    // Renewed more than a second before its end, and after the driver's first moments.
    let fixture = Fixture::with(Duration::from_secs(8), |session| session).await.unwrap();
    tokio::spawn(fixture.session().driver());
    let heard = sse_reconnect::run(&fixture, 2).await.unwrap();
    assert!(heard.matches("data: tick").count() > 10, "{heard}");
    assert!(!heard.contains("expired"), "no stream was open for longer than its token: {heard}");
    fixture.auth().assert_unharmed();
}

#[tokio::test]
async fn a_refused_stream_is_opened_with_a_new_token() {
    let fixture = Fixture::start().await.unwrap();
    sse_reconnect::run(&fixture, 1).await.unwrap();
    assert_one_refresh(&fixture);
}

/// The sidecar in front of this API.
async fn proxied(fixture: &Fixture, api: &str) -> Served {
    serve(reverse_proxy::proxy(fixture.session(), api).unwrap()).await.unwrap()
}

#[tokio::test]
async fn reverse_proxy_with_a_rust_client() {
    let fixture = Fixture::start().await.unwrap();
    let proxy = proxied(&fixture, fixture.url()).await;
    let client = reqwest::Client::new();
    let answer = client.post(format!("{}/echo", proxy.url)).body("through the proxy").send().await.unwrap();
    assert_eq!((answer.status(), answer.text().await.unwrap().as_str()), (StatusCode::OK, "through the proxy"));
    // A body that streams, of unknown length, passes as well, now that the token is good.
    let pieces = futures_util::stream::iter(["a ", "stream"].map(Ok::<_, std::io::Error>));
    let answer = client.post(format!("{}/echo", proxy.url)).body(reqwest::Body::wrap_stream(pieces)).send().await;
    assert_eq!(answer.unwrap().text().await.unwrap(), "a stream");
    assert_one_refresh(&fixture);
}

/// DNS rebinding, and requests that a page sends to loopback.
#[tokio::test]
async fn reverse_proxy_turns_pages_away() {
    let fixture = Fixture::start().await.unwrap();
    let proxy = proxied(&fixture, fixture.url()).await;
    let own = proxy.url.replace("127.0.0.1", "localhost");
    let port = proxy.url.rsplit(':').next().unwrap().to_owned();
    let rebound = format!("rebound.example.com:{port}");
    for (name, value, expected) in [
        ("host", rebound.as_str(), StatusCode::FORBIDDEN),
        ("host", "user@localhost", StatusCode::FORBIDDEN),
        ("origin", "https://evil.example.com", StatusCode::FORBIDDEN),
        ("origin", "null", StatusCode::FORBIDDEN),
        ("origin", own.as_str(), StatusCode::FORBIDDEN),
        ("origin", proxy.url.as_str(), StatusCode::OK),
        ("sec-fetch-site", "cross-site", StatusCode::FORBIDDEN),
        ("sec-fetch-site", "same-site", StatusCode::FORBIDDEN),
        ("accept", "*/*", StatusCode::OK),
    ] {
        let answer = reqwest::Client::new().post(format!("{}/echo", proxy.url)).header(name, value).send().await;
        assert_eq!(answer.unwrap().status(), expected, "{name}: {value}");
    }
    assert_one_refresh(&fixture);
}

/// What `Connection` names, and what always belongs to one connection (RFC 9110 §7.6.1), both ways.
#[tokio::test]
async fn reverse_proxy_hands_on_nothing_that_belongs_to_one_connection() {
    let fixture = Fixture::start().await.unwrap();
    let api = Router::new().fallback(|headers: HeaderMap| async move {
        let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        ([("connection", "x-theirs"), ("x-theirs", "1"), ("keep-alive", "timeout=9"), ("x-kept", "1")], names.join(" "))
    });
    let api = serve(api).await.unwrap();
    let proxy = proxied(&fixture, &api.url).await;
    let mut socket = TcpStream::connect(proxy.url.trim_start_matches("http://")).await.unwrap();
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: X-Ours , close\r\nX-Ours: 1\r\nX-Kept: 1\r\n\
        Keep-Alive: timeout=9\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\nTE: trailers\r\n\
        Trailer: etag\r\nUpgrade: websocket\r\n\r\n";
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, names) = answer.split_once("\r\n\r\n").unwrap();
    let mut names: Vec<_> = names.split(' ').collect();
    names.sort_unstable();
    assert_eq!(names, ["authorization", "host", "trailer", "x-kept"]);
    assert!(head.contains("x-kept: 1"), "{head}");
    assert!(!head.contains("x-theirs") && !head.contains("timeout=9"), "{head}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reverse_proxy_with_curl() {
    let fixture = Fixture::start().await.unwrap();
    let proxy = proxied(&fixture, fixture.url()).await;
    let url = format!("{}/me", proxy.url);
    let curl = tokio::task::spawn_blocking(move || Command::new("curl").args(["--silent", "--fail", &url]).output());
    match curl.await.unwrap() {
        Ok(answer) => assert_eq!(answer.stdout, b"here you are", "{answer:?}"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            assert!(std::env::var_os("CI").is_none(), "no curl");
            return println!("skipped: no curl; the reverse proxy was not asked by it");
        }
        Err(error) => panic!("{error}"),
    }
    assert_one_refresh(&fixture);
}
