//! What a server says with a refusal does not hold up what else the client does.

// What is tested is how long a timer of the client's takes in real time.
#![allow(clippy::disallowed_methods)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::Full;
use tokenflight::{BearerLayer, Origins, Session, TokenSet};
use tokenflight_test::MockGrant;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tower_layer::Layer;

use crate::pool;

/// A challenge of 24 KiB, most of it commas. To read each comma's rest again would take seconds.
#[test]
fn a_very_long_challenge_does_not_stop_the_executor() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let challenge = format!("Bearer x=y{}", ",".repeat(24 << 10));
            let head = format!("HTTP/1.1 401 x\r\ncontent-length: 0\r\nwww-authenticate: {challenge}\r\n\r\n");
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        let session = Session::builder(MockGrant::new()).build().unwrap();
        session.login(TokenSet::new("old").refresh_token("refresh")).await.unwrap();
        let layer = BearerLayer::new(session, Origins::with_plain_loopback([url.as_str()]).unwrap());
        let request = Request::get(&url).body(Full::<Bytes>::default()).unwrap();
        let mut answer = std::pin::pin!(layer.layer(pool()).oneshot(request));
        let mut worst = Duration::ZERO;
        let status = loop {
            let began = Instant::now();
            match tokio::time::timeout(Duration::from_millis(5), answer.as_mut()).await {
                Ok(answer) => break answer.unwrap().status(),
                Err(_) => worst = worst.max(began.elapsed()),
            }
            worst = worst.max(began.elapsed());
        };
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(worst < Duration::from_secs(1), "a timer of 5 ms took {worst:?}");
        server.abort();
    });
}
