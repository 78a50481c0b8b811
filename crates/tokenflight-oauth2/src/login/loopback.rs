use std::{
    convert::Infallible,
    future::poll_fn,
    net::{Ipv4Addr, SocketAddr},
    sync::Mutex,
    task::Poll,
};

use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::{Callback, CodeLogin, LoginError};

/// A port of this machine that a browser is sent back to (RFC 8252 §7.3).
#[derive(Debug)]
pub struct Loopback {
    listener: TcpListener,
    addr: SocketAddr,
}

const PATH: &str = "/callback";
// Whether it is a yes, the program finds out.
const DONE: &str = "Your answer has arrived. You can close this page.\n";
const NOT_THIS: &str = "This is not the login that is being waited for.\n";

impl Loopback {
    /// A free port.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn bind() -> Result<Self, LoginError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        Ok(Self { listener, addr })
    }

    /// The redirect URI to register: `http://127.0.0.1:{port}/callback`.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        format!("http://{}{PATH}", self.addr)
    }

    /// Waits for the browser. Whoever comes with another state is sent away, and the waiting goes on.
    ///
    /// # Errors
    ///
    /// When the port fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the port. Put a limit around it: a user may never come back.
    pub async fn answer(self, login: &CodeLogin) -> Result<Callback, LoginError> {
        // Browsers open connections that they may never use: all are served side by side.
        let mut open = FuturesUnordered::new();
        loop {
            let next = poll_fn(|cx| {
                while let Poll::Ready(Some(found)) = open.poll_next_unpin(cx) {
                    if let Some(callback) = found {
                        return Poll::Ready(Ok(Next::Answer(callback)));
                    }
                }
                self.listener.poll_accept(cx).map_ok(|(stream, _)| Next::Connection(stream))
            });
            match next.await? {
                Next::Answer(callback) => return Ok(callback),
                Next::Connection(stream) => open.push(serve(stream, login)),
            }
        }
    }
}

enum Next {
    Answer(Callback),
    Connection(TcpStream),
}

/// One request and its answer.
async fn serve(stream: TcpStream, login: &CodeLogin) -> Option<Callback> {
    let found = Mutex::new(None);
    let answer = service_fn(|request: Request<Incoming>| {
        let answer = judge(&request, login, &found);
        async { Ok::<_, Infallible>(answer) }
    });
    // A browser that goes away, or somebody who speaks no HTTP, ends the connection and nothing else.
    let _ = http1::Builder::new().keep_alive(false).serve_connection(TokioIo::new(stream), answer).await;
    found.into_inner().ok().flatten()
}

fn judge(request: &Request<Incoming>, login: &CodeLogin, found: &Mutex<Option<Callback>>) -> Response<Full<Bytes>> {
    let query = request.uri().query().filter(|_| request.uri().path() == PATH);
    let callback = query.map(Callback::parse).filter(|callback| login.expects(callback));
    let mut response = Response::new(Full::from(if callback.is_some() { DONE } else { NOT_THIS }));
    if callback.is_none() {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    // The address holds the code.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(mut found) = found.lock() {
        *found = callback.or_else(|| found.take());
    }
    response
}
