use std::fmt;

use http::{HeaderMap, StatusCode};
use tower_layer::Layer;

use super::{
    Bearer, BearerOptions, Choice, CloneBody, Origins, PerRequest, Recorded, call::Settings, refusal::AlsoRefused,
    target::Rules,
};
use crate::session::Session;

/// Wraps services in [`Bearer`]; see the [module documentation](super).
#[derive(Clone)]
pub struct BearerLayer<K = CloneBody, P = Session>(Settings<K, P>);

impl BearerLayer {
    /// A layer that sends this session's tokens to these origins, and clones bodies for a replay.
    #[must_use]
    pub fn new(session: Session, origins: Origins) -> Self {
        Self::with(session, origins)
    }
}

impl<T: Send + Sync + 'static> BearerLayer<CloneBody, PerRequest<T>> {
    /// As [`new`](BearerLayer::new), with a session for each request: the one that this function
    /// finds by the key, a value of type `T`, in the request's extensions. The function must not
    /// block or panic; for one key it finds the same session while requests of it are under way.
    ///
    /// A request for a listed origin without a key, or with one that stands for no session, fails
    /// with [`ErrorKind::NoKey`](crate::ErrorKind::NoKey), and nothing is sent: there is no
    /// default. After a wait the session is found again, and a request whose key stands for another
    /// one by then fails with [`ErrorKind::SessionChanged`](crate::ErrorKind::SessionChanged).
    ///
    /// Each session needs its [driver](crate::Driver::with): the layer's readiness moves no refresh
    /// on, because it does not know whose request will come.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use bytes::Bytes;
    /// use http::{Request, Response};
    /// use http_body_util::Full;
    /// use tokenflight::{BearerLayer, Error, ErrorKind, GrantError, Origins, Session, TokenSet, grant_fn};
    /// # use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
    ///
    /// #[derive(Clone, PartialEq, Eq, Hash)]
    /// struct Tenant(u32);
    ///
    /// # fn main() -> Result<(), BoxError> {
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// # let session = Session::builder(grant_fn(|_| async { Err(GrantError::config("example")) })).build()?;
    /// # session.login(TokenSet::new("secret-7")).await?;
    /// # let client = service_fn(|request: Request<Full<Bytes>>| async move {
    /// #     assert_eq!(request.headers()["authorization"], "Bearer secret-7");
    /// #     Ok::<_, BoxError>(Response::new(Full::<Bytes>::default()))
    /// # });
    /// let sessions = HashMap::from([(Tenant(7), session)]);
    /// let origins = Origins::new(["https://api.example.com"])?;
    /// let layer = BearerLayer::per_request(origins, move |tenant: &Tenant| sessions.get(tenant).cloned());
    /// let client = ServiceBuilder::new().layer(layer).service(client);
    ///
    /// let mut request = Request::get("https://api.example.com/me").body(Full::default())?;
    /// request.extensions_mut().insert(Tenant(7));
    /// client.clone().oneshot(request).await?;
    ///
    /// let keyless = Request::get("https://api.example.com/me").body(Full::default())?;
    /// let error = client.oneshot(keyless).await.unwrap_err();
    /// assert_eq!(error.downcast_ref().map(Error::kind), Some(&ErrorKind::NoKey));
    /// # Ok(()) })
    /// # }
    /// ```
    #[must_use]
    pub fn per_request(origins: Origins, find: impl Fn(&T) -> Option<Session> + Send + Sync + 'static) -> Self {
        Self::with(PerRequest::new(find), origins)
    }
}

impl<P> BearerLayer<CloneBody, P> {
    fn with(choice: P, origins: Origins) -> Self {
        let (options, also_refused) = (BearerOptions::new(), AlsoRefused::default());
        let rules = Rules { origins, below_redirects: false };
        Self(Settings { choice, rules, replay: CloneBody, options, also_refused })
    }

    /// Keeps bodies that cannot be cloned, by recording what the first send reads, up to 64 KiB.
    /// The constructor makes the body the inner client wants:
    ///
    /// | client | constructor |
    /// |---|---|
    /// | a tonic channel | `tonic::body::Body::new`, or the crate `tokenflight-tonic` |
    /// | hyper-util with boxed bodies | `BoxBody::new`, `UnsyncBoxBody::new` |
    /// | axum, as a gateway | `axum::body::Body::new` |
    /// | reqwest | `reqwest::Body::wrap`, with the adapter of the crate `tokenflight-reqwest` |
    ///
    /// Works for every request body that is `Unpin`; others can be boxed first.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use http_body_util::combinators::UnsyncBoxBody;
    /// # use http::{Request, Response};
    /// # use tokenflight::{BearerLayer, GrantError, Origins, Session, TokenSet, grant_fn};
    /// # use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
    ///
    /// type Streaming = UnsyncBoxBody<Bytes, BoxError>; // cannot be cloned
    ///
    /// # fn main() -> Result<(), BoxError> {
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// # let session = Session::builder(grant_fn(|_| async { Err(GrantError::config("example")) })).build()?;
    /// # session.login(TokenSet::new("secret")).await?;
    /// # let client = service_fn(|_: Request<Streaming>| async { Ok::<_, BoxError>(Response::new(String::new())) });
    /// let origins = Origins::new(["https://api.example.com"])?;
    /// let layer = BearerLayer::new(session, origins).replay_with(UnsyncBoxBody::new);
    /// let client = ServiceBuilder::new().layer(layer).service(client);
    /// # let request = Request::post("https://api.example.com").body(Streaming::default())?;
    /// # client.oneshot(request).await?;
    /// # Ok(()) })
    /// # }
    /// ```
    #[must_use]
    pub fn replay_with<C>(self, construct: C) -> BearerLayer<Recorded<C>, P> {
        let Settings { choice, rules, replay: CloneBody, options, also_refused } = self.0;
        BearerLayer(Settings { choice, rules, replay: Recorded::new(construct), options, also_refused })
    }
}

impl<K, P> BearerLayer<K, P> {
    /// How requests are treated that say nothing themselves. Default: [`BearerOptions::new`].
    #[must_use]
    pub fn options(mut self, options: BearerOptions) -> Self {
        self.0.options = options;
        self
    }

    /// Only requests that come through a [`RedirectGuard`](super::redirect::RedirectGuard) and have
    /// not been redirected to another origin get a token. For a layer below a redirect follower;
    /// see [`redirect`](super::redirect).
    #[must_use]
    pub fn below_redirects(mut self) -> Self {
        self.0.rules.below_redirects = true;
        self
    }

    /// What else than a 401 is a refusal of the token, for APIs that answer 403 or 400 to an
    /// expired one. The function sees the status and the headers of every other response, and of a
    /// 401 whose challenge is in words of its own: what it says of that is whether another token
    /// may help. It may be asked twice; it must not block and must not panic. A challenge in such a
    /// response is heeded as in a 401.
    ///
    /// ```
    /// # use tokenflight::{BearerLayer, Origins, Session};
    /// # fn example(session: Session, origins: Origins) -> BearerLayer {
    /// use http::StatusCode;
    ///
    /// BearerLayer::new(session, origins)
    ///     .refused_when(|status, headers| status == StatusCode::FORBIDDEN && headers.contains_key("x-token-expired"))
    /// # }
    /// ```
    #[must_use]
    pub fn refused_when(mut self, also: impl Fn(StatusCode, &HeaderMap) -> bool + Send + Sync + 'static) -> Self {
        self.0.also_refused = AlsoRefused::when(also);
        self
    }
}

impl<C, P> BearerLayer<Recorded<C>, P> {
    /// How many bytes of a body are recorded at most. Default 64 KiB; a longer body is sent once.
    #[must_use]
    pub fn replay_limit(mut self, bytes: usize) -> Self {
        self.0.replay = self.0.replay.limit(bytes);
        self
    }

    /// Records bodies of unknown length too, until they pass the limit.
    #[must_use]
    pub fn replay_unknown_length(mut self) -> Self {
        self.0.replay = self.0.replay.unknown_length();
        self
    }
}

impl<S, K: Clone, P: Choice> Layer<S> for BearerLayer<K, P> {
    type Service = Bearer<S, K, P>;

    fn layer(&self, inner: S) -> Self::Service {
        Bearer::new(inner, self.0.clone())
    }
}

impl<K, P: fmt::Debug> fmt::Debug for BearerLayer<K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerLayer")
            .field("session", &self.0.choice)
            .field("origins", &self.0.rules.origins)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
