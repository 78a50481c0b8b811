//! The authorization server over a socket.
#![cfg(feature = "net")]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::time::Duration;

use tokenflight_core::{Grant, TokenSet, grant::Reason, grant::TokenRequest};
use tokenflight_test::{
    AuthServer, Fault, ManualTime, Served, Verdict,
    auth::{Canned, Client},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const SECOND: Duration = Duration::from_secs(1);

fn server() -> (ManualTime, AuthServer, Served) {
    let time = ManualTime::new(1);
    let auth = AuthServer::new(time.shared());
    let served = auth.serve().unwrap();
    (time, auth, served)
}

/// Sends a raw request and reads until the server closes.
async fn post(served: &Served, path: &str, form: &str) -> String {
    post_as(served, path, "", form).await
}

/// The same with another header.
async fn post_as(served: &Served, path: &str, header: &str, form: &str) -> String {
    let mut stream = TcpStream::connect(served.addr()).await.unwrap();
    let length = form.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}content-length: {length}\r\n\r\n");
    stream.write_all(format!("{head}{form}").as_bytes()).await.unwrap();
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8(text).unwrap()
}

async fn refresh(served: &Served, token: &str) -> String {
    post(served, "/token", &format!("grant_type=refresh_token&refresh_token={token}&client_id=app")).await
}

fn token(set: &TokenSet) -> &str {
    set.refresh().unwrap().expose()
}

#[tokio::test]
async fn the_token_endpoint_answers_as_rfc_6749_says() {
    let (_, auth, served) = server();
    let login = auth.login();
    let answer = refresh(&served, token(&login)).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("cache-control: no-store"), "{answer}");
    let body: serde_json::Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&"Bearer".into(), &300.into()));
    assert_eq!(auth.check(body["access_token"].as_str().unwrap()), Verdict::Valid);
    assert_ne!(body["refresh_token"], token(&login));

    let answer = refresh(&served, token(&login)).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains(r#""error":"invalid_grant""#), "{answer}");
    assert_eq!(auth.report().total.presented_twice, 1);
}

#[tokio::test]
async fn what_is_not_a_refresh_is_refused() {
    let (_, _auth, served) = server();
    assert!(post(&served, "/token", "grant_type=password").await.contains("unsupported_grant_type"));
    assert!(post(&served, "/token", "grant_type=refresh_token").await.contains("invalid_request"));
    assert!(post(&served, "/elsewhere", "").await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_revoked_refresh_token_is_over() {
    let (_, auth, served) = server();
    let login = auth.login();
    assert!(post(&served, "/revoke", &format!("token={}", token(&login))).await.starts_with("HTTP/1.1 200"));
    assert!(refresh(&served, token(&login)).await.contains("invalid_grant"));
}

#[tokio::test]
async fn a_cut_closes_the_connection_without_a_byte_of_the_answer() {
    for (fault, rotations) in [(Fault::CutBefore, 0), (Fault::CutAfter, 1)] {
        let (_, auth, served) = server();
        auth.faults().push(fault);
        assert_eq!(refresh(&served, token(&auth.login())).await, "");
        let total = auth.report().total;
        assert_eq!((total.rotations, total.answers_lost), (rotations, rotations));
    }
}

#[tokio::test]
async fn a_fault_is_aimed_at_a_client_after_the_rotation_and_before_its_answer() {
    let auth = AuthServer::builder(ManualTime::new(1).shared()).before_answer(|outgoing| {
        match (outgoing.label(), outgoing.header("host")) {
            ("alice", Some("x")) => Fault::CutAfter,
            // Too late for this one.
            _ => Fault::CutBefore,
        }
    });
    let auth = auth.build();
    let served = auth.serve().unwrap();
    let [alice, bob] = ["alice", "bob"].map(|label| auth.login_as(label));
    assert_eq!(refresh(&served, token(&alice)).await, "");
    assert!(refresh(&served, token(&bob)).await.starts_with("HTTP/1.1 200 OK"));
    let report = auth.report();
    let [alices, bobs] = ["alice", "bob"].map(|label| report.counts(label));
    assert_eq!((alices.rotations, alices.answers_lost, bobs.rotations, bobs.answers_lost), (1, 1, 1, 0));
    // A refusal is no answer that could be lost.
    assert!(refresh(&served, token(&alice)).await.contains("invalid_grant"));
}

#[tokio::test]
async fn a_cut_in_the_answer_leaves_half_of_an_announced_body() {
    let (_, auth, served) = server();
    auth.faults().push(Fault::CutInAnswer);
    let answer = refresh(&served, token(&auth.login())).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let announced = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert_eq!(body.len(), announced.parse::<usize>().unwrap() / 2);
    assert_eq!(auth.report().total.answers_lost, 1);
}

#[tokio::test]
async fn a_canned_answer_travels_with_its_retry_after() {
    let (_, auth, served) = server();
    auth.faults().push(Fault::Respond(Canned::new(503, "<html>").retry_after(Duration::from_millis(1_500))));
    let answer = refresh(&served, token(&auth.login())).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 2\r\n"), "{answer}");
    assert!(answer.contains("text/html") && answer.ends_with("<html>"));
}

#[tokio::test]
async fn a_client_that_hangs_up_after_the_rotation_has_lost_the_answer() {
    let (_, auth, served) = server();
    auth.faults().push(Fault::HangAfter);
    let login = auth.login();
    let mut stream = TcpStream::connect(served.addr()).await.unwrap();
    let form = format!("grant_type=refresh_token&refresh_token={}", token(&login));
    let head = format!("POST /token HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", form.len());
    stream.write_all(format!("{head}{form}").as_bytes()).await.unwrap();
    while auth.report().total.rotations == 0 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    while auth.report().total.answers_lost == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn dropping_the_server_closes_the_port_and_the_connections() {
    let (_, auth, served) = server();
    auth.faults().push(Fault::HangBefore);
    let addr = served.addr();
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"POST /token HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    drop(served);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    while TcpStream::connect(addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn both_faces_share_one_book() {
    let (time, auth, served) = server();
    let login = auth.login();
    let request = TokenRequest::new(login.refresh().cloned(), Reason::Due);
    let next = auth.grant().request(&request).await.unwrap();
    assert!(refresh(&served, token(&next)).await.starts_with("HTTP/1.1 200"));
    time.advance(SECOND * 300);
    assert_eq!(auth.report().total.rotations, 2);
    auth.assert_unharmed();
}

#[tokio::test]
async fn a_client_that_the_server_knows_must_authenticate() {
    let time = ManualTime::new(1);
    let known = Client::secret("app one", "s3cr3t&");
    let auth = AuthServer::builder(time.shared()).client(known).client(Client::public("open")).build();
    let served = auth.serve().unwrap();
    let login = auth.login();
    let form = |more: &str| format!("grant_type=refresh_token&refresh_token={}{more}", token(&login));
    for wrong in [
        "",
        "&client_id=app+one",
        "&client_id=app+one&client_secret=x",
        "&client_id=other",
        "&client_id=open&client_secret=x",
    ] {
        let answer = post(&served, "/token", &form(wrong)).await;
        assert!(answer.starts_with("HTTP/1.1 401 ") && answer.contains("invalid_client"), "{wrong}: {answer}");
    }
    assert!(post(&served, "/revoke", &format!("token={}", token(&login))).await.starts_with("HTTP/1.1 401 "));
    assert!(post(&served, "/token", &form("&client_id=open")).await.contains("another client"));
    assert_eq!(auth.report().total.rotations, 0);
    assert!(
        post(&served, "/token", &form("&client_id=app+one&client_secret=s3cr3t%26")).await.starts_with("HTTP/1.1 200 ")
    );

    // `app+one:s3cr3t%26` in HTTP Basic.
    let login = auth.login();
    let form = format!("grant_type=refresh_token&refresh_token={}", token(&login));
    let text = post_as(&served, "/token", "authorization: Basic YXBwK29uZTpzM2NyM3QlMjY=\r\n", &form).await;
    assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
}
