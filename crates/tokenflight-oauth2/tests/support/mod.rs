//! An authorization server that says what a script tells it to, byte for byte, over a real socket.
#![allow(dead_code)] // Each test binary uses its part.

use std::{
    collections::VecDeque,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use tokenflight_oauth2::TokenEndpoint;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Sends these bytes and closes.
    Say(Vec<u8>),
    /// Closes without a byte.
    Cut,
    /// Never answers.
    Stall,
    /// Sends these bytes and then nothing, for ever.
    SayAndStall(Vec<u8>),
}

/// A whole response with the right length.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Act {
    let length = body.len();
    Act::Say(format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes())
}

pub(crate) fn json(status: u16, body: &str) -> Act {
    answer(status, "content-type: application/json\r\n", body)
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
    }

    /// The form's value of a name; panics if it stands there twice.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let mut values = form_urlencoded::parse(self.body.as_bytes()).filter(|(known, _)| known == name);
        let value = values.next().map(|(_, value)| value.into_owned());
        assert!(values.next().is_none(), "{name} was sent twice");
        value
    }
}

pub(crate) struct Scripted {
    pub(crate) addr: SocketAddr,
    script: Arc<Mutex<VecDeque<Act>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
    count: watch::Receiver<usize>,
    accepting: JoinHandle<()>,
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Scripted {
    /// Follows the script, one act for each request, and repeats the last one.
    pub(crate) async fn new(script: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let script = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<_>>()));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (told, count) = watch::channel(0);
        let record = Arc::clone(&seen);
        let played = Arc::clone(&script);
        #[allow(clippy::disallowed_methods)] // A server is a task of the test.
        let accepting = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, record, told) = (Arc::clone(&played), Arc::clone(&record), told.clone());
                open.spawn(async move {
                    let Some(request) = read(stream).await else { return };
                    let act = {
                        let mut script = script.lock().unwrap();
                        if script.len() > 1 { script.pop_front() } else { script.front().cloned() }
                    };
                    let (seen, stream) = request;
                    record.lock().unwrap().push(seen);
                    told.send_modify(|count| *count += 1);
                    perform(stream, act.expect("a script")).await;
                });
            }
        });
        Self { addr, script, seen, count, accepting }
    }

    /// Follows another script from now on.
    pub(crate) fn follow(&self, script: impl IntoIterator<Item = Act>) {
        *self.script.lock().unwrap() = script.into_iter().collect();
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/token", self.addr)
    }

    /// This server, asked by a client that is not known there.
    pub(crate) fn endpoint(&self) -> TokenEndpoint {
        TokenEndpoint::new(&self.url(), client()).unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until so many requests have arrived.
    pub(crate) async fn reached(&self, count: usize) {
        self.count.clone().wait_for(|seen| *seen >= count).await.unwrap();
    }
}

/// The first byte of a handshake.
const TLS: u8 = 0x16;

async fn read(mut stream: TcpStream) -> Option<(Seen, TcpStream)> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if bytes[0] == TLS {
            // What a server without TLS says to a client that begins a handshake.
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).ok()?;
    let mut seen = Seen { head: text, body: String::new() };
    let length: usize = seen.header("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head + length {
        stream.read_buf(&mut bytes).await.ok()?;
    }
    seen.body = String::from_utf8(bytes[head..head + length].to_vec()).ok()?;
    Some((seen, stream))
}

async fn perform(mut stream: TcpStream, act: Act) {
    match act {
        Act::Cut => {}
        Act::Stall => std::future::pending().await,
        Act::Say(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Act::SayAndStall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            std::future::pending().await
        }
    }
}

/// All that an error and its sources show.
pub(crate) fn shown(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(|error| format!("{error} {error:?}; ")).collect()
}

/// The client of the feature `client`, trusting no certificate: for plain HTTP on loopback and
/// failing handshakes.
pub(crate) fn client() -> tokenflight_oauth2::client::HttpsClient {
    let config = rustls::ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    tokenflight_oauth2::client::https_with(config)
}
