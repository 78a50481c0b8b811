//! Servers over real sockets, on the current tokio runtime.

use std::{
    fmt,
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};

/// A server on a loopback port of its own. Dropping it closes the port and every connection.
pub struct Served {
    addr: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Served {
    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// An `http` URL on it; `path` begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Served").field("addr", &self.addr).finish_non_exhaustive()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // The connections are owned by the accepting task and go with it.
        self.accepting.abort();
    }
}

/// The scripted end of a connection.
#[derive(Debug)]
pub(crate) struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fault script cut the connection")
    }
}

impl std::error::Error for Cut {}

/// Serves HTTP/1.1 on a free loopback port. A handler that returns [`Cut`] closes its connection
/// without an answer.
pub(crate) fn serve<H, F>(handler: H) -> io::Result<Served>
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Reply>, Cut>> + Send + 'static,
{
    listen(move |stream| converse(stream, handler.clone()))
}

/// Talks on every connection to a free loopback port.
pub(crate) fn listen<F>(talk: impl Fn(TcpStream) -> F + Send + 'static) -> io::Result<Served>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let addr = listener.local_addr()?;
    let listener = TcpListener::from_std(listener)?;
    #[allow(clippy::disallowed_methods)] // A test server is a task of the test's runtime; `Served` ends it.
    let accepting = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    connections.spawn(talk(stream));
                }
                // Out of descriptors, or the client left the queue: the next one may fare better.
                Err(_) => tokio::task::yield_now().await,
            }
            while connections.try_join_next().is_some() {}
        }
    });
    Ok(Served { addr, accepting })
}

async fn converse<H, F>(stream: TcpStream, handler: H)
where
    H: Fn(Request<Incoming>) -> F,
    F: Future<Output = Result<Response<Reply>, Cut>>,
{
    // Small answers on a loopback socket: waiting for more to send only costs time.
    let _ = stream.set_nodelay(true);
    // A connection ends in error whenever a fault was scripted or the client went away.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(handler)).await;
}

/// A response body, well-behaved or not.
pub(crate) enum Reply {
    /// All of it.
    Whole(Bytes),
    /// Half of it, and then the connection breaks although more was announced.
    Half { first: Bytes, announced: u64, flushed: bool },
    /// A piece, and then nothing for ever.
    Stall(Bytes),
    /// One piece after another for ever.
    Flood(Bytes),
}

impl Reply {
    pub(crate) fn half(body: &str) -> Self {
        let first = Bytes::copy_from_slice(&body.as_bytes()[..body.len() / 2]);
        Self::Half { first, announced: body.len() as u64, flushed: false }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let data = |bytes: Bytes| Poll::Ready(Some(Ok(Frame::data(bytes))));
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => data(std::mem::take(bytes)),
            Self::Half { first, .. } if !first.is_empty() => data(std::mem::take(first)),
            Self::Half { flushed, .. } if !*flushed => {
                // The connection flushes what it has while the body has nothing; an error at once
                // would discard it.
                *flushed = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Self::Half { .. } => Poll::Ready(Some(Err(Cut))),
            Self::Stall(bytes) if bytes.is_empty() => Poll::Pending,
            Self::Stall(bytes) => data(std::mem::take(bytes)),
            Self::Flood(bytes) => data(bytes.clone()),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Half { announced, .. } => SizeHint::with_exact(*announced),
            Self::Stall(_) | Self::Flood(_) => SizeHint::default(),
        }
    }
}
