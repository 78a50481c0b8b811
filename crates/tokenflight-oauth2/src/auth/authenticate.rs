use std::{borrow::Cow, fmt, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokenflight_core::{BoxFuture, GrantError};

use super::{Wanted, wanted::SOURCE_LIMIT};
use crate::wire::Form;

/// Client authentication of any kind. It is asked for each attempt, before the request counts as
/// sent, so it may wait for a key service: the limit of the attempt bounds it.
///
/// ```
/// use tokenflight_core::{BoxFuture, GrantError};
/// use tokenflight_oauth2::{ClientAuth, auth::{Authenticate, TokenParts}};
///
/// /// A gateway that knows the client by a header of its own.
/// struct Gateway;
///
/// impl Authenticate for Gateway {
///     fn client_id(&self) -> Option<&str> {
///         Some("me")
///     }
///
///     fn apply<'a>(&'a self, parts: &'a mut TokenParts<'_>) -> BoxFuture<'a, Result<(), GrantError>> {
///         Box::pin(async move {
///             parts.set("client_id", "me");
///             parts.header("x-gateway-key", "s3cr3t").map_err(GrantError::config)
///         })
///     }
/// }
///
/// let auth = ClientAuth::custom(Gateway);
/// # let _ = auth;
/// ```
pub trait Authenticate: Send + Sync + 'static {
    /// The client's name at the server; refresh tokens are bound to it.
    fn client_id(&self) -> Option<&str>;

    /// Puts the client's name and credentials where they belong.
    ///
    /// # Errors
    ///
    /// [`GrantError::not_sent`] if another attempt may succeed, [`GrantError::config`] if none can.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when its [limit](Self::limit) or the attempt's time is over; nothing
    /// was sent by then.
    fn apply<'a>(&'a self, parts: &'a mut TokenParts<'_>) -> BoxFuture<'a, Result<(), GrantError>>;

    /// How long [`apply`](Self::apply) may take within the attempt's time. Default ten seconds.
    fn limit(&self) -> Duration {
        SOURCE_LIMIT
    }
}

/// A token request that is being made.
pub struct TokenParts<'a> {
    form: &'a mut Form,
    headers: &'a mut HeaderMap,
    wanted: Wanted<'a>,
}

impl<'a> TokenParts<'a> {
    pub(crate) const fn new(form: &'a mut Form, headers: &'a mut HeaderMap, wanted: Wanted<'a>) -> Self {
        Self { form, headers, wanted }
    }

    /// What the credential is wanted for.
    #[must_use]
    pub const fn wanted(&self) -> Wanted<'a> {
        self.wanted
    }

    /// Sets a parameter of the body; what was there under this name is gone.
    pub fn set(&mut self, name: impl Into<Cow<'static, str>>, value: &str) {
        self.form.set(name, value);
    }

    /// Sets a header, which counts as a secret.
    ///
    /// # Errors
    ///
    /// If the name or the value cannot be sent.
    pub fn header(&mut self, name: &str, value: &str) -> Result<(), http::Error> {
        let name: HeaderName = name.parse()?;
        let mut value = HeaderValue::from_str(value)?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(())
    }
}

impl fmt::Debug for TokenParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenParts").field("form", &self.form).field("wanted", &self.wanted).finish_non_exhaustive()
    }
}
