//! reqwest behind [`BearerLayer`], in one line.
//!
//! reqwest's client is a tower service of reqwest's own requests, and the layer wants one of `http`
//! requests. [`client`] is a [`reqwest::Client`] turned into one and put behind the layer;
//! [`HttpClient`] is the adapter alone.
//!
//! ```no_run
//! use http::Request;
//! use tokenflight::{BearerLayer, Origins, Session};
//! # use tower::{BoxError, ServiceExt};
//!
//! # async fn example(session: Session) -> Result<(), BoxError> {
//! let layer = BearerLayer::new(session, Origins::new(["https://api.example.com"])?);
//! let client = tokenflight_reqwest::client(reqwest::Client::new(), layer);
//!
//! let request = Request::post("https://api.example.com/notes").body(reqwest::Body::from("text"))?;
//! let response = client.clone().oneshot(request).await?;
//! let text = reqwest::Response::from(response.map(reqwest::Body::wrap)).text().await?;
//! # let _ = text;
//! # Ok(()) }
//! ```
//!
//! What a [`reqwest::RequestBuilder`] has built is sent as an `http` request (this needs reqwest
//! 0.13):
//!
//! ```no_run
//! # async fn example(client: tokenflight_reqwest::Client) -> Result<(), tower::BoxError> {
//! let http = reqwest::Client::new();
//! let request: http::Request<reqwest::Body> =
//!     http.post("https://api.example.com/notes").header("accept", "text/plain").body("text").build()?.try_into()?;
//! let response = client.oneshot(request).await?;
//! # let _ = response;
//! # Ok(()) }
//! ```
//!
//! In a struct the client's type is [`Client`].
//!
//! What reqwest does with a body that is whole in memory, it does here too: it sends it again after
//! a 307 or 308, and if a server says that it has not processed the request.
//!
//! reqwest follows redirects by itself, below the layer: let it not, if a redirect may lead
//! elsewhere (`redirect::Policy::none`), and follow them above; see
//! [`tokenflight::bearer::redirect`].

#![forbid(unsafe_code)]

mod future;
mod service;

pub use self::{
    future::ResponseFuture,
    service::{Client, Construct, HttpClient, client},
};

#[cfg(doc)]
use tokenflight::BearerLayer;
