use std::fmt;

use http::{HeaderMap, StatusCode};
use tower_layer::Layer;

use super::{Bearer, BearerOptions, CloneBody, Origins, Recorded, call::Settings, refusal::AlsoRefused, target::Rules};
use crate::session::Session;

/// Wraps services in [`Bearer`]; see the [module documentation](super).
#[derive(Clone)]
pub struct BearerLayer<K = CloneBody>(Settings<K>);

impl BearerLayer {
    /// A layer that sends this session's tokens to these origins, and keeps bodies for a replay by cloning them.
    #[must_use]
    pub fn new(session: Session, origins: Origins) -> Self {
        let (options, also_refused) = (BearerOptions::new(), AlsoRefused::default());
        let rules = Rules { origins, below_redirects: false };
        Self(Settings { session, rules, replay: CloneBody, options, also_refused })
    }

    /// Keeps bodies that cannot be cloned, by recording what the first send reads, up to 64 KiB. The
    /// constructor makes the body the inner client wants:
    ///
    /// | client | constructor |
    /// |---|---|
    /// | a tonic channel | `tonic::body::Body::new` |
    /// | hyper-util with boxed bodies | `BoxBody::new`, `UnsyncBoxBody::new` |
    /// | axum, as a gateway | `axum::body::Body::new` |
    /// | reqwest | `reqwest::Body::wrap` |
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
    pub fn replay_with<C>(self, construct: C) -> BearerLayer<Recorded<C>> {
        let Settings { session, rules, replay: CloneBody, options, also_refused } = self.0;
        BearerLayer(Settings { session, rules, replay: Recorded::new(construct), options, also_refused })
    }
}

impl<K> BearerLayer<K> {
    /// How requests are treated that say nothing themselves. Default: [`BearerOptions::new`].
    #[must_use]
    pub fn options(mut self, options: BearerOptions) -> Self {
        self.0.options = options;
        self
    }

    /// Only requests that come through a [`RedirectGuard`](super::redirect::RedirectGuard) and have not been redirected to
    /// another origin get a token. For a layer below a redirect follower; see [`redirect`](super::redirect).
    #[must_use]
    pub fn below_redirects(mut self) -> Self {
        self.0.rules.below_redirects = true;
        self
    }

    /// What else than a 401 is a refusal of the token, for APIs that answer 403 or 400 to an expired one. The
    /// function sees the status and the headers of every response; it must not block and must not panic. A challenge in
    /// such a response is heeded as in a 401.
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

impl<C> BearerLayer<Recorded<C>> {
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

impl<S: Clone, K: Clone> Layer<S> for BearerLayer<K> {
    type Service = Bearer<S, K>;

    fn layer(&self, inner: S) -> Self::Service {
        Bearer::new(inner, self.0.clone())
    }
}

impl<K> fmt::Debug for BearerLayer<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerLayer")
            .field("session", &self.0.session)
            .field("origins", &self.0.rules.origins)
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
