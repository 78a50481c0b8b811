//! Where tokens come from: a source that counts, in memory or behind a socket on loopback.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::token;

/// Hands out tokens that are good for an hour, and counts how often. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub struct Source {
    requests: Arc<AtomicUsize>,
    takes: Duration,
}

impl Source {
    /// One that takes this long to answer.
    pub fn taking(takes: Duration) -> Self {
        Self { takes, ..Self::default() }
    }

    /// How many requests there were.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// One request.
    #[allow(clippy::disallowed_methods)] // A server's delay.
    pub(crate) async fn token(&self) -> String {
        self.requests.fetch_add(1, Ordering::SeqCst);
        if !self.takes.is_zero() {
            tokio::time::sleep(self.takes).await;
        }
        token()
    }

    /// Serves it as the token endpoint of an authorization server, for as long as the runtime
    /// lives; where it is.
    #[allow(clippy::disallowed_methods)] // A server's tasks.
    pub(crate) async fn serve(&self) -> io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/token", listener.local_addr()?);
        let source = self.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(source.clone().converse(stream));
            }
        });
        Ok(url)
    }

    async fn converse(self, mut stream: TcpStream) {
        let mut read = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            // The client may close the connection whenever it likes.
            let Ok(more @ 1..) = stream.read(&mut buffer).await else { return };
            read.extend_from_slice(&buffer[..more]);
            if !is_whole(&read) {
                continue;
            }
            read.clear();
            let body =
                format!(r#"{{"access_token":"{}","token_type":"Bearer","expires_in":3600}}"#, self.token().await);
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            if stream.write_all((head + &body).as_bytes()).await.is_err() {
                return;
            }
        }
    }
}

/// Whether a request has arrived to its end. Token requests tell their length.
fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().filter_map(|line| line.split_once(':')).find_map(|(name, value)| {
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok()).flatten()
    });
    body.len() >= length.unwrap_or(0)
}
