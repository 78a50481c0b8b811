//! Everything that a test of a client talks to, and the session it talks with.

use std::{fmt, sync::Arc, time::Duration};

use tokenflight::{BoxError, Session, SessionBuilder, time::TokioTime};

use crate::{AuthServer, ResourceServer, Served, auth};

/// An authorization server and an API on free ports of loopback, and a session that is logged in:
/// what a test of a program with bearer tokens needs, in one call. Dropping it closes both servers.
///
/// The session asks the authorization server in process, where
/// [faults](AuthServer::faults) meet it as they do over a socket;
/// [`token_endpoint`](Self::token_endpoint) is for a grant of your own. A token that is refused in
/// its first seconds is refreshed at once, other than in a program: tests are over by then.
///
/// ```
/// use http::{Request, StatusCode};
/// use http_body_util::Empty;
/// use hyper_util::{client::legacy::Client, rt::TokioExecutor};
/// use tokenflight::{BearerLayer, BoxError, Origins};
/// use tokenflight_test::Servers;
/// use tower::ServiceBuilder;
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let servers = Servers::start().await?;
/// let origins = Origins::with_plain_loopback([servers.origin()])?;
/// let client = Client::builder(TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
/// let client = ServiceBuilder::new().layer(BearerLayer::new(servers.session(), origins)).service(client);
///
/// // The API refuses the token; the caller does not notice.
/// servers.auth().expire_all_access();
/// let request = Request::get(servers.url("/me")).body(Empty::new())?;
/// assert_eq!(client.oneshot(request).await?.status(), StatusCode::OK);
/// assert_eq!(servers.auth().report().total.token_requests, 1);
/// servers.auth().assert_unharmed();
/// # Ok::<_, BoxError>(())
/// # })?;
/// # Ok::<_, BoxError>(())
/// ```
pub struct Servers {
    auth: AuthServer,
    token_endpoint: Served,
    api: ResourceServer,
    served: Served,
    session: Session,
}

impl Servers {
    /// Starts the servers and logs in, with the [default habits](auth::Builder).
    ///
    /// # Cancel safety
    ///
    /// Dropping it closes what has been started.
    ///
    /// # Errors
    ///
    /// When no port can be had.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn start() -> Result<Self, BoxError> {
        Self::with(|auth| auth, |session| session).await
    }

    /// As [`start`](Self::start), with other habits of the authorization server and another
    /// session: a store, a policy, a listener.
    ///
    /// # Cancel safety
    ///
    /// As [`start`](Self::start).
    ///
    /// # Errors
    ///
    /// When no port can be had, when the settings of the session make no sense, or when its store
    /// does not take the login.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub async fn with(
        habits: impl FnOnce(auth::Builder) -> auth::Builder,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Result<Self, BoxError> {
        let auth = habits(AuthServer::builder(Arc::new(TokioTime::new()))).build();
        let api = ResourceServer::new(auth.clone());
        let (token_endpoint, served) = (auth.serve()?, api.serve()?);
        let session = Session::builder(auth.grant()).configure(|policy| policy.fresh_window = Duration::ZERO);
        let session = change(session).build()?;
        session.login(auth.login()).await?;
        Ok(Self { auth, token_endpoint, api, served, session })
    }

    /// The session. Each of these handles is one to the same.
    #[must_use]
    pub fn session(&self) -> Session {
        self.session.clone()
    }

    /// The authorization server: what it has seen, and what is to go wrong.
    #[must_use]
    pub const fn auth(&self) -> &AuthServer {
        &self.auth
    }

    /// Where its tokens are renewed: `http://127.0.0.1:port/token`.
    #[must_use]
    pub fn token_endpoint(&self) -> String {
        self.token_endpoint.url("/token")
    }

    /// The API, which answers 200 to every request with a good token.
    #[must_use]
    pub const fn api(&self) -> &ResourceServer {
        &self.api
    }

    /// The origin of the API: `http://127.0.0.1:port`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.served.url("")
    }

    /// A URL of the API; `path` begins with a slash.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        self.served.url(path)
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Servers")
            .field("token_endpoint", &self.token_endpoint)
            .field("api", &self.served)
            .finish_non_exhaustive()
    }
}
