//! Redirects, and why a token must not come back from one.
//!
//! A follower below the layer (inside the client) gets the token with the request and must take it
//! off when it leaves the origin; tower-http's and reqwest's do. But then the layer sees the last
//! answer only, and takes a foreign server's 401 for a refusal of its own.
//!
//! A follower above the layer is better: every hop passes the layer, which looks at each hop's
//! origin. Only one thing the layer cannot see by itself: that the third request of `A → B → A` is
//! where `B` has sent the client, and not what the caller asked for. The token must not come back
//! there (Fetch, §4.4). For this a guard above the follower marks what really comes from a caller:
//!
//! ```
//! # use bytes::Bytes;
//! # use http::{Request, Response};
//! # use http_body_util::Full;
//! # use tokenflight::{BearerLayer, GrantError, Origins, Session, TokenSet, grant_fn};
//! # use tower::{BoxError, ServiceExt, service_fn};
//! use tokenflight::bearer::redirect::RedirectGuardLayer;
//! use tower::ServiceBuilder;
//! use tower_http::follow_redirect::FollowRedirectLayer;
//!
//! # fn main() -> Result<(), BoxError> {
//! # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
//! # let session = Session::builder(grant_fn(|_| async { Err(GrantError::config("example")) })).build()?;
//! # session.login(TokenSet::new("secret")).await?;
//! # let origins = Origins::new(["https://api.example.com"])?;
//! # let client = service_fn(|request: Request<Full<Bytes>>| async move {
//! #     Ok::<_, BoxError>(Response::new(Full::new(Bytes::copy_from_slice(request.headers()["authorization"].as_bytes()))))
//! # });
//! let client = ServiceBuilder::new()
//!     // A retry layer, if there is one, goes here: each try is a new beginning.
//!     .layer(RedirectGuardLayer::new())
//!     .layer(FollowRedirectLayer::new())
//!     .layer(BearerLayer::new(session, origins).below_redirects())
//!     // Limits go here, so that waiting for a token holds none.
//!     .service(client);
//! # let request = Request::get("https://api.example.com/me").body(Full::default())?;
//! # assert!(client.oneshot(request).await.is_ok());
//! # Ok(()) })
//! # }
//! ```

use std::task::{Context, Poll};

use http::Request;
use tokenflight_machine::OriginId;
use tower_layer::Layer;
use tower_service::Service;

use crate::sync::{Arc, Mutex, lock};

/// Marks requests as their caller's, above a redirect follower; see the [module
/// documentation](self).
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct RedirectGuardLayer;

impl RedirectGuardLayer {
    /// The guard; it has no settings.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for RedirectGuardLayer {
    type Service = RedirectGuard<S>;

    fn layer(&self, inner: S) -> RedirectGuard<S> {
        RedirectGuard { inner }
    }
}

/// Made by [`RedirectGuardLayer`].
#[derive(Clone, Debug)]
pub struct RedirectGuard<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for RedirectGuard<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        request.extensions_mut().insert(Hops::default());
        self.inner.call(request)
    }
}

/// A request and the hops it is redirected to, as far as the follower lets this mark pass.
#[derive(Clone, Debug, Default)]
struct Hops(Arc<Mutex<Place>>);

#[derive(Clone, Copy, Debug, Default)]
enum Place {
    #[default]
    Unsent,
    /// At the origin it was made for.
    Home(OriginId),
    /// It has been elsewhere and stays without a token.
    Elsewhere,
}

/// Whether a request below a follower may have the token of the origin it goes to: only if it is
/// its caller's, or a redirect that has never left the caller's origin. A follower that takes the
/// mark off has decided the same.
pub(super) fn is_home<B>(request: &Request<B>, origin: Option<OriginId>) -> bool {
    let Some(hops) = request.extensions().get::<Hops>() else { return false };
    let mut place = lock(&hops.0);
    *place = match (*place, origin) {
        (Place::Unsent, Some(origin)) => Place::Home(origin),
        (Place::Home(home), Some(origin)) if home == origin => Place::Home(home),
        _ => Place::Elsewhere,
    };
    matches!(*place, Place::Home(_))
}
