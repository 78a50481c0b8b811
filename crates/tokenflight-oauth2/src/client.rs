//! A ready HTTP client for token endpoints: hyper-util and rustls, HTTP/1.1.
//!
//! ```no_run
//! use tokenflight_oauth2::{TokenEndpoint, client};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let endpoint = TokenEndpoint::new("https://as.example/token", client::https()?)?;
//! # let _ = endpoint;
//! # Ok(())
//! # }
//! ```
//!
//! It follows no redirects, sends no early data, keeps no connection for a second request (a dead
//! one in a pool turns a request that was not sent into one of unknown fate), gives a connection
//! five seconds, handshake included, and never sends a request twice.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::ClientConfig;
use tower_service::Service;

use crate::BoxError;

/// The time for a connection, from the name to the end of the handshake.
const CONNECT: Duration = Duration::from_secs(5);

/// The client's type.
pub type HttpsClient = Client<Hurried<HttpsConnector<HttpConnector>>, Full<Bytes>>;

/// A client that trusts what the operating system trusts. Plain `http` works too;
/// [`TokenEndpoint`](crate::TokenEndpoint) allows it on loopback only.
///
/// # Errors
///
/// If the operating system has no certificates.
pub fn https() -> io::Result<HttpsClient> {
    let config = ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_native_roots()?
        .with_no_client_auth();
    Ok(https_with(config))
}

/// A client with TLS settings of your own: other roots, a client certificate (RFC 8705). Early data
/// is switched off.
#[must_use]
pub fn https_with(mut config: ClientConfig) -> HttpsClient {
    config.enable_early_data = false;
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(http);
    Client::builder(TokioExecutor::new())
        // A connection for each request, and each request once.
        .pool_max_idle_per_host(0)
        .retry_canceled_requests(false)
        .build(Hurried(connector))
}

/// A connector that gives up after five seconds. hyper-util then knows that nothing was sent, which
/// the limit of the whole attempt could not tell.
#[derive(Clone, Debug)]
pub struct Hurried<C>(C);

impl<C> Service<Uri> for Hurried<C>
where
    C: Service<Uri, Response: Send, Error: Into<BoxError>, Future: Send + 'static>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            // This client runs on tokio anyway, and a connection has no session's `Time` to ask.
            #[allow(clippy::disallowed_methods)]
            let connected = tokio::time::timeout(CONNECT, connecting).await;
            connected.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map_err(Into::into)
        })
    }
}
