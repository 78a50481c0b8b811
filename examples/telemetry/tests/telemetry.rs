//! What leaves the process, with everything listening that has something to say.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

#[path = "../../../crates/tokenflight/tests/telemetry/recorder.rs"]
#[allow(dead_code)] // Other tests use the rest.
mod recorder;
#[path = "../../../crates/tokenflight/tests/telemetry/secrets.rs"]
mod secrets;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use tokenflight_example_telemetry::{provider, request, subscriber};

#[test]
fn no_secret_is_told_at_any_level_by_hyper_either() {
    secrets::no_secret_is_told(true);
}

#[test]
fn a_collector_is_sent_the_refresh_and_both_requests_and_no_secret() {
    let (address, received) = collector();
    let provider = provider(Some(&format!("http://{address}/v1/traces"))).unwrap();
    let status = tracing::subscriber::with_default(subscriber(&provider), || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(request()).unwrap()
    });
    assert_eq!(status, 200);
    provider.shutdown().unwrap();
    let sent: String = received.try_iter().collect();
    let events = ["request.refused", "token.wait", "request.replayed", "refreshed"];
    for told in ["list orders", "tokenflight.refresh", "http.request.resend_count"].into_iter().chain(events) {
        assert!(sent.contains(told), "{told} is not in {sent:?}");
    }
    for secret in ["at-1-", "rt-1-", "Bearer"] {
        assert!(!sent.contains(secret), "{secret} is in {sent:?}");
    }
}

/// Takes what an exporter posts, until the process ends.
fn collector() -> (SocketAddr, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let sender = sender.clone();
            thread::spawn(move || converse(stream.unwrap(), &sender));
        }
    });
    (address, received)
}

/// One connection: requests of known length, each answered with 200.
fn converse(stream: TcpStream, sender: &mpsc::Sender<String>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap() == 0 {
                return;
            }
            let line = line.trim().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        // Before the answer: who waits for that finds what was sent.
        let _ = sender.send(String::from_utf8_lossy(&body).into_owned());
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    }
}
