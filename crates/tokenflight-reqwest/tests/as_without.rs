//! What reqwest does by itself, it does behind the layer as well.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Request, StatusCode};
use reqwest::Body;
use tokenflight::{BearerLayer, GrantError, Origins, Session, TokenSet, grant_fn};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

const PATIENCE: Duration = Duration::from_secs(20);

async fn session() -> Session {
    let session = Session::builder(grant_fn(|_| async { Err(GrantError::config("no refresh here")) })).build().unwrap();
    session.login(TokenSet::new("secret").refresh_token("refresh")).await.unwrap();
    session
}

/// Answers the requests of all connections from a script; each has a body of four bytes.
async fn http1(script: &[&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let script = Arc::new(Mutex::new(script.iter().copied().collect::<VecDeque<_>>()));
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let log = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(connection(socket, Arc::clone(&script), Arc::clone(&log)));
        }
    });
    (url, seen)
}

async fn connection(mut socket: TcpStream, script: Arc<Mutex<VecDeque<&'static str>>>, seen: Arc<Mutex<Vec<String>>>) {
    let (mut text, mut buffer) = (String::new(), [0; 4096]);
    while let Ok(read @ 1..) = socket.read(&mut buffer).await {
        text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        if !text.ends_with("\r\n\r\nbody") {
            continue;
        }
        seen.lock().unwrap().push(std::mem::take(&mut text));
        let head = script.lock().unwrap().pop_front().expect("a request too many");
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n");
        socket.write_all(answer.as_bytes()).await.unwrap();
    }
}

/// As `reqwest::Client` does with a body whole in memory: `bare` is what it does without the layer.
#[tokio::test]
async fn a_redirect_that_keeps_the_body_is_followed_as_without_the_layer() {
    let (url, seen) = http1(&["308 Permanent Redirect\r\nlocation: /there", "200 OK"]).await;
    let bare = reqwest::Client::new().post(format!("{url}/here")).body("body").send();
    assert_eq!(timeout(PATIENCE, bare).await.unwrap().unwrap().status(), StatusCode::OK);
    assert_eq!(seen.lock().unwrap().len(), 2);

    let (url, seen) = http1(&["308 Permanent Redirect\r\nlocation: /there", "200 OK"]).await;
    let layer = BearerLayer::new(session().await, Origins::with_plain_loopback([&url]).unwrap());
    let client = tokenflight_reqwest::client(reqwest::Client::new(), layer);
    let request = Request::post(format!("{url}/here")).body(Body::from("body")).unwrap();
    let answer = timeout(PATIENCE, client.oneshot(request)).await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(seen.lock().unwrap().len(), 2);
}

/// Refuses the second stream of all (`REFUSED_STREAM`: not processed), and answers the others.
async fn http2() -> (String, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let streams = Arc::new(Mutex::new(0));
    let count = Arc::clone(&streams);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(socket).await.unwrap();
                while let Some(Ok((_request, mut respond))) = connection.accept().await {
                    *count.lock().unwrap() += 1;
                    let count = *count.lock().unwrap();
                    match count {
                        2 => respond.send_reset(h2::Reason::REFUSED_STREAM),
                        _ => drop(respond.send_response(http::Response::new(()), true)),
                    }
                }
            });
        }
    });
    (url, streams)
}

/// reqwest sends again what a server calls unprocessed (RFC 9113 §8.7): deployments go unnoticed.
#[tokio::test]
async fn a_stream_that_was_not_processed_is_tried_again_as_without_the_layer() {
    let client = || reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let (url, streams) = http2().await;
    let bare = client();
    for _ in 0..2 {
        assert_eq!(timeout(PATIENCE, bare.get(&url).send()).await.unwrap().unwrap().status(), StatusCode::OK);
    }
    assert_eq!(*streams.lock().unwrap(), 3);

    let (url, streams) = http2().await;
    let layer = BearerLayer::new(session().await, Origins::with_plain_loopback([&url]).unwrap());
    let client = tokenflight_reqwest::client(client(), layer);
    for _ in 0..2 {
        let request = Request::get(&url).body(Body::default()).unwrap();
        let answer = timeout(PATIENCE, client.clone().oneshot(request)).await.unwrap().unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    assert_eq!(*streams.lock().unwrap(), 3);
}

/// As the crate's documentation turns an answer back into one of reqwest's.
#[tokio::test]
async fn a_response_knows_the_address_it_came_from() {
    let (url, _) = http1(&["200 OK"]).await;
    let layer = BearerLayer::new(session().await, Origins::with_plain_loopback([&url]).unwrap());
    let client = tokenflight_reqwest::client(reqwest::Client::new(), layer);
    let request = Request::post(format!("{url}/here")).body(Body::from("body")).unwrap();
    let answer = timeout(PATIENCE, client.oneshot(request)).await.unwrap().unwrap();
    let answer = reqwest::Response::from(answer.map(Body::wrap));
    assert_eq!(answer.url().as_str(), format!("{url}/here"));
}
