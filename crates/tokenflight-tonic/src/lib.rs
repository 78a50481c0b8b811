//! [`BearerLayer`] before a tonic channel, with its errors as the statuses a gRPC caller expects.
//!
//! [`client`] is a channel whose calls carry a session's token. What such a call ends with when
//! there is no token for it:
//!
//! | | code | source |
//! |---|---|---|
//! | no token could be had (no login, ended, the refresh failed, …) | `Unauthenticated` | [`Error`] |
//! | the call was refused, and there is no newer token; also if the refusal was what ended the session | `Unauthenticated` | [`Error`] |
//! | the call had no token, because the layer may send none to its server, and was refused | the server's | [`NoToken`] |
//! | the deadline of the call, or the longest it may be held, passed while it waited for a token | `DeadlineExceeded` | [`Error`] |
//! | anything else | the server's, or what tonic makes of the error | tonic's |
//!
//! A refusal keeps the server's message, details and metadata. The calls of a tonic client name no
//! server: [`Origins::sole`](tokenflight::Origins::sole) names the one of its channel.
//!
//! ```
//! use std::error::Error as _;
//! use http::{Request, Response};
//! use tokenflight::{BearerLayer, Error, GrantError, Origins, Session, grant_fn};
//! use tonic::{Code, body::Body};
//! # use tower::{BoxError, ServiceExt, service_fn};
//!
//! # fn main() -> Result<(), BoxError> {
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! # let channel = service_fn(|_: Request<Body>| async { Ok::<_, BoxError>(Response::new(Body::default())) });
//! let session = Session::builder(grant_fn(|_| async { Err(GrantError::config("example")) })).build()?;
//! let layer = BearerLayer::new(session, Origins::sole("https://grpc.example.com")?);
//! let client = tokenflight_tonic::client(channel, layer); // `HealthClient::new(client)` and so on
//!
//! let status = client.oneshot(Request::post("/grpc.health.v1.Health/Check").body(Body::default())?).await.unwrap_err();
//! assert_eq!(status.code(), Code::Unauthenticated);
//! let error = status.source().and_then(|source| source.downcast_ref::<Error>());
//! assert!(error.is_some_and(Error::needs_login));
//! # Ok(()) })
//! # }
//! ```
//!
//! In a struct the client's type is [`Client<Channel>`](Client). For other settings of the replay
//! than the usual ones, put [`StatusLayer`] above a [`BearerLayer`] of your own.

#![forbid(unsafe_code)]

mod future;
mod service;
mod status;

pub use self::{
    future::StatusFuture,
    service::{Client, Construct, StatusLayer, StatusService, client},
};

#[cfg(doc)]
use tokenflight::{BearerLayer, Error, NoToken};
