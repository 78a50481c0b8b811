//! The layer: puts the bearer token on requests and sends a request again after a refusal whose token has been replaced.
//!
//! [`BearerLayer`] wraps any `tower` service over `http` requests whose error can be boxed. The usual order is
//! retry → redirect → **bearer** → limits → client: below anything that sends a request again, because each send takes the
//! token that is current then, and above limits, so that waiting for a token holds no permit.
//!
//! * A request to an origin that is not [listed](Origins), or with an `Authorization` of its own, passes through untouched.
//! * With a usable token the request goes straight to the inner service: one atomic load, one header, no lock, no box.
//! * Without one it waits for the refresh; the readied inner service is given back meanwhile (R-430).
//! * A 401 that another token may cure (R-121) costs at most one refresh and one replay. If there is no newer token, the
//!   caller gets the original 401 with our [`Error`](crate::Error) in the response's extensions (R-126).
//! * If there is no token to send at all, the call fails with our [`Error`](crate::Error), boxed.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::Full;
//! use tokenflight::{BearerLayer, Origins, Session, TokenSet, GrantError, grant_fn};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # fn main() -> Result<(), tower::BoxError> {
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! let session = Session::builder(grant_fn(|_| async { Err(GrantError::config("example")) })).build()?;
//! session.login(TokenSet::new("secret").refresh_token("r")).await?;
//!
//! // Any client; this one answers what it was sent.
//! let client = service_fn(|request: Request<Full<Bytes>>| async move {
//!     let sent = request.headers()["authorization"].to_str().map(str::to_owned)?;
//!     Ok::<_, tower::BoxError>(Response::new(Full::new(Bytes::from(sent))))
//! });
//! let origins = Origins::new(["https://api.example.com"])?;
//! let client = ServiceBuilder::new().layer(BearerLayer::new(session, origins)).service(client);
//!
//! let request = Request::get("https://api.example.com/me").body(Full::default())?;
//! let response = client.oneshot(request).await?;
//! # use http_body_util::BodyExt;
//! assert_eq!(response.into_body().collect().await?.to_bytes(), "Bearer secret");
//! # Ok(()) })
//! # }
//! ```

mod attach;
mod attempt;
mod body;
mod call;
mod future;
mod grpc;
mod keep;
mod layer;
mod limit;
mod options;
mod origin;
pub mod record;
pub mod redirect;
mod refusal;
mod replay;
mod service;
mod stray;
mod watch;

pub use self::{
    body::BearerBody,
    future::BearerFuture,
    layer::BearerLayer,
    options::BearerOptions,
    origin::{OriginError, Origins},
    record::{Recorded, ReplayBody},
    replay::{CloneBody, Replay},
    service::{Bearer, HttpService},
};
