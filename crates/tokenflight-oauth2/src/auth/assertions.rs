use std::{fmt, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use tokenflight_core::{BoxFuture, FailureClass, GrantError, Secret, Time};

use super::{Wanted, wanted::SOURCE_LIMIT};
use crate::{BoxError, limit};

/// What hands out assertions: a platform, a key service, another session. It is asked for each
/// attempt, before the request counts as sent; the limit of the attempt bounds it. Implemented for
/// async functions that return a text.
///
/// ```
/// use tokenflight_oauth2::{BoxError, ClientAuth};
///
/// let auth = ClientAuth::federated("client-id", || async { Ok::<_, BoxError>("eyJ...".to_owned()) });
/// # let _ = auth;
/// ```
pub trait Assertions: Send + Sync + 'static {
    /// The next one.
    ///
    /// # Errors
    ///
    /// [`SourceError`]. Nothing is sent.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when its [limit](Self::limit) or the attempt's time is over.
    fn next<'a>(&'a self, wanted: &'a Wanted<'_>) -> BoxFuture<'a, Result<Assertion, SourceError>>;

    /// How long the next one may take within the time of the attempt. Default ten seconds; a key
    /// that waits for a person's touch needs more.
    fn limit(&self) -> Duration {
        SOURCE_LIMIT
    }
}

impl<F, Fut> Assertions for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<String, BoxError>> + Send + 'static,
{
    fn next<'a>(&'a self, _: &'a Wanted<'_>) -> BoxFuture<'a, Result<Assertion, SourceError>> {
        let next = self();
        Box::pin(async { next.await.map(Assertion::new).map_err(SourceError::Unavailable) })
    }
}

/// An assertion, or another token that proves who its holder is.
#[derive(Clone, Debug)]
pub struct Assertion {
    token: Secret,
    kind: Option<String>,
    expires: Option<Duration>,
}

impl Assertion {
    /// One that says itself when it ends, if it is a JWT with an `exp`.
    #[must_use]
    pub fn new(token: impl Into<String>) -> Self {
        let token = Secret::new(token);
        let expires = expiry(token.expose());
        Self { token, kind: None, expires }
    }

    /// Sets its type, for servers that want another than the usual one: the `client_assertion_type`
    /// of a client's authentication, such as
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-spiffe`.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// Sets when it ends, since 1970.
    #[must_use]
    pub const fn expires(mut self, at: Duration) -> Self {
        self.expires = Some(at);
        self
    }

    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.token.expose()
    }

    /// When it ends, since 1970, if that is known.
    #[must_use]
    pub const fn expires_at(&self) -> Option<Duration> {
        self.expires
    }

    pub(crate) fn kind_or<'a>(&'a self, usual: &'a str) -> &'a str {
        self.kind.as_deref().unwrap_or(usual)
    }

    /// Whether it is good at this time by the calendar, with half a minute for clocks that differ.
    pub(crate) fn lives_at(&self, now: Duration) -> bool {
        const SKEW: Duration = Duration::from_secs(30);
        self.expires.is_none_or(|end| now < end.saturating_add(SKEW))
    }
}

/// The `exp` of a JWT, which is not verified: it can only say that the token is of no use any more.
fn expiry(token: &str) -> Option<Duration> {
    #[derive(Deserialize)]
    struct Claims {
        exp: f64,
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Claims = serde_json::from_slice(&claims).ok()?;
    Duration::try_from_secs_f64(claims.exp).ok()
}

/// Why there is no assertion.
#[derive(Debug)]
#[non_exhaustive]
pub enum SourceError {
    /// There is none at this moment; the next attempt asks again.
    Unavailable(BoxError),
    /// There will be none until something is set up otherwise.
    Setup(BoxError),
    /// The one there is has expired, and was not sent.
    Expired,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unavailable(_) => "there is no assertion at this moment",
            Self::Setup(_) => "there is no assertion until its source is set up otherwise",
            Self::Expired => "the assertion has expired and was not sent: its source does not renew it",
        })
    }
}

impl std::error::Error for SourceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unavailable(error) | Self::Setup(error) => Some(&**error),
            Self::Expired => None,
        }
    }
}

impl From<SourceError> for GrantError {
    /// What another server said, if the assertion was to come from one, stays readable: its code
    /// and when to come again.
    fn from(error: SourceError) -> Self {
        let class = match error {
            SourceError::Setup(_) => FailureClass::Config,
            SourceError::Unavailable(_) | SourceError::Expired => FailureClass::NotSent,
        };
        let mut told = Self::new(class);
        let below = std::error::Error::source(&error).and_then(|below| below.downcast_ref::<Self>());
        if let Some(code) = below.and_then(Self::error_code) {
            told = told.code(code);
        }
        if let Some(text) = below.and_then(Self::error_description) {
            told = told.description(text);
        }
        if let Some(after) = below.and_then(Self::wait) {
            told = told.retry_after(after);
        }
        told.source(error)
    }
}

/// A source without its type, which hands out living assertions only.
#[derive(Clone)]
pub(crate) struct Source(Arc<dyn Assertions>);

impl Source {
    pub(crate) fn new(source: impl Assertions) -> Self {
        Self(Arc::new(source))
    }

    pub(crate) fn limit(&self) -> Duration {
        self.0.limit()
    }

    pub(crate) async fn next(&self, wanted: &Wanted<'_>, clock: Option<&dyn Time>) -> Result<Assertion, SourceError> {
        let assertion = limit::within(self.limit(), clock, self.0.next(wanted)).await;
        let assertion = assertion.unwrap_or_else(|| Err(SourceError::Unavailable("none came in time".into())))?;
        let lives = wanted.now.is_none_or(|now| assertion.lives_at(now));
        if lives { Ok(assertion) } else { Err(SourceError::Expired) }
    }
}
