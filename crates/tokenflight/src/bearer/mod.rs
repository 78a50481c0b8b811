//! The layer: puts the bearer token on requests and sends a request again after a refusal whose
//! token has been replaced.
//!
//! [`BearerLayer`](crate::BearerLayer) wraps any `tower` service over `http` with a boxable error.
//!
//! * A request to an origin not [listed](Origins), or with an `Authorization` of its own, passes
//!   untouched. If that is refused, the reason is in the response's extensions: [`NoToken`].
//! * With a usable token the request goes straight to the inner service: one atomic load, one
//!   header, no lock, no box.
//! * Without one it waits for the refresh; the readied inner service is given back meanwhile.
//! * A refusal that another token may resolve costs at most one refresh and one replay. If there is
//!   no newer token, the caller gets the original refusal with our [`Error`](crate::Error) in the
//!   response's extensions.
//! * A late refusal, of a token that has been replaced meanwhile, costs no refresh: the request is
//!   sent again with the newer token. The refusal of a token younger than
//!   [`Policy::fresh_window`](crate::Policy::fresh_window) cannot be about its expiry: it goes to
//!   the caller with [`ErrorKind::FreshRefused`](crate::ErrorKind::FreshRefused), and costs none
//!   either.
//! * A refusal that asks for something else (another authentication, a scope, claims) goes to the
//!   caller with a [`Challenge`](challenge::Challenge) in the extensions, and costs no refresh.
//! * If there is no token to send at all, the call fails with our [`Error`](crate::Error), boxed.
//!
//! # Where it stands
//!
//! retry → ([redirect guard](redirect) → redirect) → **bearer** → limits → client
//!
//! * Below a retry: every try takes the token that is current then.
//! * Below a redirect follower: every hop is seen, so no token leaves its origin; see [`redirect`].
//! * Above limits, buffers and timeouts of the client: waiting for a token then holds no permit,
//!   and the refresh may use the same limit. Above a load balancer, give token requests a client of
//!   their own: the balancer keeps idle servers ready, and those hold permits.
//! * For a layer that is needed only sometimes: install it always, and switch it off with
//!   [`BearerOptions::without_token`]; tower's `option_layer` does not fit, because both sides must
//!   have one response type.
//! * A timeout *around* the layer covers refresh and replay as well; one below it covers each send.
//!
//! # Bodies
//!
//! Bodies are cloned if their clones are known to be [independent](IndependentClone). For all
//! others there is [`BearerLayer::replay_with`](crate::BearerLayer::replay_with), which
//! [records](Recorded) what is read of them. A replay has the whole body or there is none.
//!
//! Of a refusal whose token could not be renewed, [at most 16 KiB](BearerBody) are left.
//!
//! # Sessions
//!
//! A layer has one session, or finds one for each request by a key in its extensions:
//! [`BearerLayer::per_request`](crate::BearerLayer::per_request).
//!
//! # In a struct
//!
//! | client | its type behind the layer |
//! |---|---|
//! | hyper-util | `Bearer<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>` |
//! | tonic | `tokenflight_tonic::Client<Channel>`, of that crate |
//! | reqwest | `tokenflight_reqwest::Client`, of that crate |
//! | another one of type `C`, with recorded bodies | `Bearer<C, Recorded<fn(ReplayBody<B>) -> T>>`: the constructor as a function pointer |
//!
//! A boxed error is no `std::error::Error`, so that `?` does not take it in a function that returns
//! `anyhow::Result`: `anyhow::Error::from_boxed` does.
//!
//! ```
//! use bytes::Bytes;
//! use http::{Request, StatusCode};
//! use http_body_util::Full;
//! use hyper_util::client::legacy::{Client, connect::HttpConnector};
//! use tokenflight::Bearer;
//!
//! struct Api {
//!     client: Bearer<Client<HttpConnector, Full<Bytes>>>,
//! }
//!
//! impl Api {
//!     async fn me(&self) -> anyhow::Result<StatusCode> {
//!         let request = Request::get("https://api.example.com/me").body(Full::default())?;
//!         let response = self.client.clone().oneshot(request).await.map_err(anyhow::Error::from_boxed)?;
//!         Ok(response.status())
//!     }
//! }
//! ```
//!
//! # gRPC
//!
//! A tonic client's requests name no server: [`Origins::sole`] names the one of its channel. The
//! crate `tokenflight-tonic` puts the layer around a channel, and turns its errors into the
//! statuses that a gRPC caller expects.
//!
//! An answer with `content-type: application/grpc` is refused if its `grpc-status` is 16
//! (`UNAUTHENTICATED`). What tonic's users get:
//!
//! | the refusal | unary request (also with a streamed answer) | streamed request |
//! |---|---|---|
//! | in the headers, before any message | replayed, unnoticed | handed on, unless all of the stream, up to the limit, had been sent |
//! | in the trailers | handed on; the next call has a new token | the same |
//!
//! `grpc-retry-pushback-ms` is heeded. A `grpc-timeout` covers the wait for a token, and a replay
//! has what is left of it. After a stream has begun the layer only watches for its trailers: to be
//! in time for the expiry, open another when [`Session::watch`](crate::Session::watch) tells of a
//! new token. So for a WebSocket and for server-sent events.
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

mod again;
mod attempt;
pub(crate) mod body;
mod call;
pub mod challenge;
mod choice;
pub(crate) mod future;
mod grpc;
mod http_service;
pub(crate) mod layer;
mod limit;
mod oneshot;
pub(crate) mod options;
pub(crate) mod origin;
mod readiness;
pub mod redirect;
mod refusal;
mod replay;
mod resend;
mod send;
mod sent;
pub(crate) mod service;
pub(crate) mod target;
mod template;
mod watch;

pub(crate) use self::{
    body::BearerBody, future::BearerFuture, options::BearerOptions, origin::Origins, service::Bearer, target::NoToken,
};
pub use self::{
    body::Shortened,
    choice::{Choice, PerRequest},
    http_service::{CloneService, HttpService},
    oneshot::{Oneshot, SentBy},
    replay::{CloneBody, IndependentClone, Recorded, Replay, ReplayBody},
    resend::Resend,
};
