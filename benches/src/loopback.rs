//! Requests to a server on this machine: hyper-util's client, hyper's server, one thread for both.

use std::{fmt, io, net::SocketAddr};

use http_body::Body;
use http_body_util::BodyExt;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{net::TcpListener, runtime};

use crate::{
    prelude::*,
    stacks::{Cloned, Fixed, Stack, retry},
};

/// What is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2 without TLS.
    Http2,
}

type Sending = Pin<Box<dyn Future<Output = bool>>>;

/// A server, a client, and what stands before the client.
pub struct Loopback {
    runtime: runtime::Runtime,
    send: Box<dyn FnMut(Req) -> Sending>,
    requests: Requests,
    /// Watches the clock as long as it lives.
    _driver: Pin<Box<Driver>>,
}

impl Loopback {
    /// Starts the server; requests have eight headers.
    pub fn new(stack: Stack, protocol: Protocol) -> io::Result<Self> {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let address = runtime.block_on(serve())?;
        let origin = format!("http://{address}");
        let uri = format!("{origin}/v1/things?page=2").parse().map_err(io::Error::other)?;
        let mut connector = HttpConnector::new();
        // As on the server's side: two small packets of one request must not wait for each other.
        connector.set_nodelay(true);
        let client: Client<HttpConnector, Full<Bytes>> =
            Client::builder(TokioExecutor::new()).http2_only(protocol == Protocol::Http2).build(connector);
        let (session, driver) = parts::driven();
        let bearer = |options| parts::layer(&session, &origin).options(options).layer(client.clone());
        let send = match stack {
            Stack::Nothing => boxed(client.clone()),
            Stack::Fixed => boxed(Fixed::over(client.clone())),
            Stack::Retry => boxed(retry(client.clone())),
            Stack::Once => boxed(bearer(BearerOptions::new().never_replay())),
            Stack::Bearer => boxed(bearer(BearerOptions::new())),
            Stack::Cloned => boxed(Cloned::of(bearer(BearerOptions::new()))),
            Stack::Unlisted => boxed(parts::layer(&session, "https://other.example.com").layer(client.clone())),
        };
        Ok(Self { runtime, send, requests: Requests::new(8).to(uri), _driver: driver })
    }

    /// Sends one request after another and reads the answers; whether all were good.
    pub fn exchange(&mut self, requests: u64) -> bool {
        let Self { runtime, send, requests: made, .. } = self;
        runtime.block_on(async {
            for _ in 0..requests {
                if !send(made.make()).await {
                    return false;
                }
            }
            true
        })
    }
}

fn boxed<S, R>(mut service: S) -> Box<dyn FnMut(Req) -> Sending>
where
    S: Service<Req, Response = Response<R>, Error: fmt::Debug, Future: 'static> + 'static,
    R: Body + 'static,
{
    Box::new(move |request| {
        // Clients of hyper-util are always ready; what stands before them asks nothing else.
        let sent = service.call(request);
        Box::pin(async move {
            let Ok(answer) = sent.await else { return false };
            answer.status() == StatusCode::OK && answer.into_body().collect().await.is_ok()
        })
    })
}

/// Answers with a few bytes, whatever is asked.
// The server's tasks are part of what is measured.
#[allow(clippy::disallowed_methods)]
async fn serve() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Two small packets of one answer must not wait for each other.
            let _ = stream.set_nodelay(true);
            let answer = service_fn(|request: Request<Incoming>| async move {
                drop(request.into_body().collect().await);
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{\"things\":[]}"))))
            });
            tokio::spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                drop(server.serve_connection(TokioIo::new(stream), answer).await);
            });
        }
    });
    Ok(address)
}
