use std::{fmt, time::Duration};

use bytes::Bytes;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::Secret;

/// The longest lifetime anything here computes with: ten years. More is cut to it.
pub const MAX_LIFETIME: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// Number of token sets adopted in a session. A request remembers the generation it was sent with,
/// so that a late refusal of an old token is told from a refusal of the current one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

/// Number of log-ins and log-outs of a session. A result of an older epoch is discarded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(u64);

macro_rules! counter {
    ($name:ident) => {
        impl $name {
            /// The counter with this value; a fresh session starts at zero.
            #[must_use]
            pub const fn new(value: u64) -> Self {
                Self(value)
            }

            /// The plain number.
            #[must_use]
            pub const fn get(self) -> u64 {
                self.0
            }

            /// The next value. Stays at the largest one instead of wrapping.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter!(Generation);
counter!(Epoch);

/// The token that goes to resource servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessToken(Secret);

/// An access token with bytes that may not stand in a header: anything outside `0x21..=0x7E`, or
/// nothing at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unsendable;

impl fmt::Display for Unsendable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the access token is empty or holds bytes that cannot be sent in a header")
    }
}

impl std::error::Error for Unsendable {}

impl AccessToken {
    /// Takes the token over, unjudged; see [`AccessToken::to_header`].
    pub fn new(token: impl Into<String>) -> Self {
        Self(Secret::new(token))
    }

    /// The token itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// `Bearer <token>`, marked sensitive, in memory that is wiped when the last clone is dropped.
    ///
    /// # Errors
    ///
    /// [`Unsendable`] unless every byte is a visible ASCII character (stricter than `HeaderValue`).
    pub fn to_header(&self) -> Result<HeaderValue, Unsendable> {
        let token = self.expose().as_bytes();
        if token.is_empty() || !token.iter().all(|byte| (0x21..=0x7e).contains(byte)) {
            return Err(Unsendable);
        }
        let mut text = Zeroizing::new(Vec::with_capacity(b"Bearer ".len() + token.len()));
        text.extend_from_slice(b"Bearer ");
        text.extend_from_slice(token);
        let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).map_err(|_| Unsendable)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// The credential that goes to the authorization server that issued it, and nowhere else.
///
/// It cannot become a header:
///
/// ```compile_fail,E0277
/// use tokenflight_core::RefreshToken;
/// let header: http::HeaderValue = RefreshToken::new("r").try_into()?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
///
/// ```
/// use tokenflight_core::RefreshToken;
/// let body = format!("grant_type=refresh_token&refresh_token={}", RefreshToken::new("r").expose());
/// # let _ = body;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshToken(Secret);

impl RefreshToken {
    /// Takes the token over.
    pub fn new(token: impl Into<String>) -> Self {
        Self(Secret::new(token))
    }

    /// The token itself, for the body of a token request or the cell of a store.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Why a token set cannot be used as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenSetError {
    /// The access token cannot be put in a header.
    Unsendable,
    /// The `token_type` is one this client does not speak.
    UnknownType,
}

impl fmt::Display for TokenSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsendable => Unsendable.fmt(f),
            Self::UnknownType => f.write_str("the token_type is not Bearer"),
        }
    }
}

impl std::error::Error for TokenSetError {}

/// What one token response carries.
///
/// ```
/// use std::time::Duration;
/// use tokenflight_core::TokenSet;
///
/// let set = TokenSet::new("access").refresh_token("refresh").expires_in(Duration::from_secs(3600));
/// assert_eq!(set.lifetime(), Some(Duration::from_secs(3600)));
/// assert!(!format!("{set:?}").contains("access\""));
/// ```
#[derive(Clone, Debug)]
pub struct TokenSet {
    access_token: AccessToken,
    refresh_token: Option<RefreshToken>,
    expires_in: Option<Duration>,
    refresh_in: Option<Duration>,
    scope: Option<String>,
    token_type: Option<String>,
    extra: Option<Secret>,
}

impl TokenSet {
    /// A token set with only an access token: no refresh token, lifetime unknown, type Bearer.
    pub fn new(access_token: impl Into<String>) -> Self {
        Self {
            access_token: AccessToken::new(access_token),
            refresh_token: None,
            expires_in: None,
            refresh_in: None,
            scope: None,
            token_type: None,
            extra: None,
        }
    }

    /// A refresh token alone, for a login: the first call for an access token has it refreshed.
    ///
    /// ```
    /// use tokenflight_core::TokenSet;
    ///
    /// let set = TokenSet::from_refresh_token("refresh");
    /// assert!(set.refresh().is_some());
    /// ```
    pub fn from_refresh_token(token: impl Into<String>) -> Self {
        Self::new("").refresh_token(token)
    }

    /// Adds the refresh token. An empty one counts as absent: the old one stays valid.
    #[must_use]
    pub fn refresh_token(mut self, token: impl Into<String>) -> Self {
        let token = RefreshToken::new(token);
        self.refresh_token = (!token.expose().is_empty()).then_some(token);
        self
    }

    /// The same without its refresh token: it is kept elsewhere.
    #[must_use]
    pub fn without_refresh_token(mut self) -> Self {
        self.refresh_token = None;
        self
    }

    /// Adds the announced lifetime, counted from the moment the server made the answer; more than
    /// [`MAX_LIFETIME`] is cut to it. Zero means usable once.
    #[must_use]
    pub fn expires_in(mut self, lifetime: Duration) -> Self {
        self.expires_in = Some(lifetime.min(MAX_LIFETIME));
        self
    }

    /// Adds the announced lifetime as a server may spell it: any number of seconds, negative or
    /// fractional ones too. What is not a number is no announcement.
    #[must_use]
    pub fn expires_in_seconds(mut self, seconds: f64) -> Self {
        self.expires_in = clamp_seconds(seconds);
        self
    }

    /// Adds the server's own wish when to renew (`refresh_in`), honoured when earlier than ours.
    #[must_use]
    pub fn refresh_in(mut self, after: Duration) -> Self {
        self.refresh_in = Some(after.min(MAX_LIFETIME));
        self
    }

    /// Adds the granted scope.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = Some(scope.into());
        self
    }

    /// Adds the `token_type`. Anything but `Bearer`, in any case, is refused at adoption.
    #[must_use]
    pub fn token_type(mut self, token_type: impl Into<String>) -> Self {
        self.token_type = Some(token_type.into());
        self
    }

    /// Adds the other members of the answer, as one JSON object: `id_token`, `instance_url`,
    /// whatever there was. They may be secrets, and are kept as one. No store keeps them.
    #[must_use]
    pub fn extra(mut self, json: impl Into<String>) -> Self {
        self.extra = Some(Secret::new(json));
        self
    }

    /// The access token; an empty one beside a [refresh token alone](Self::from_refresh_token).
    #[must_use]
    pub const fn access(&self) -> &AccessToken {
        &self.access_token
    }

    /// The other members of the answer, as one JSON object.
    #[must_use]
    pub fn extra_members(&self) -> Option<&str> {
        self.extra.as_ref().map(Secret::expose)
    }

    /// The refresh token, if the answer carried one.
    #[must_use]
    pub const fn refresh(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    /// The granted scope, if the answer named it.
    #[must_use]
    pub fn granted_scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// When the server would like to be asked again, counted like the lifetime.
    #[must_use]
    pub const fn refresh_hint(&self) -> Option<Duration> {
        self.refresh_in
    }

    /// The lifetime: the announced one, else what the JWT says about itself (`exp − iat`, or
    /// `exp − nbf` where there is no `iat`), else unknown.
    ///
    /// The JWT is not verified and not trusted: it only says how long to wait before asking again.
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        self.expires_in.or_else(|| jwt_lifetime(&self.access_token))
    }

    /// Splits off what may be used, in a form that can be sent.
    ///
    /// # Errors
    ///
    /// [`TokenSetError`] if the access token must not or cannot be sent. The refresh token may have
    /// been rotated all the same: keep it.
    pub fn check(&self) -> Result<HeaderValue, TokenSetError> {
        match self.token_type.as_deref() {
            Some(other) if !other.eq_ignore_ascii_case("bearer") => Err(TokenSetError::UnknownType),
            _ => self.access_token.to_header().map_err(|Unsendable| TokenSetError::Unsendable),
        }
    }
}

/// Seconds as a lifetime: negative is zero, above ten years is ten years, not a number is nothing.
fn clamp_seconds(seconds: f64) -> Option<Duration> {
    if seconds.is_nan() {
        return None;
    }
    let seconds = seconds.clamp(0.0, MAX_LIFETIME.as_secs_f64());
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(feature = "jwt")]
fn jwt_lifetime(token: &AccessToken) -> Option<Duration> {
    /// NumericDates may be fractional or written with an exponent (RFC 7519 §2).
    #[derive(serde::Deserialize)]
    struct Claims {
        exp: f64,
        iat: Option<f64>,
        nbf: Option<f64>,
    }

    /// Integers above this are not exact in a JSON number; nothing sane is that far away.
    const EXACT: f64 = 9_007_199_254_740_992.0;

    let claims: Claims = jsonwebtoken::dangerous::insecure_decode_claims(token.expose()).ok()?;
    let sane = |date: &f64| date.is_finite() && (0.0..=EXACT).contains(date);
    // A token without `iat` begins when it becomes valid: when it was issued, or a little before.
    let begin = claims.iat.or(claims.nbf).filter(sane)?;
    let end = Some(claims.exp).filter(|end| sane(end) && *end > begin)?;
    clamp_seconds((end - begin).floor())
}

#[cfg(not(feature = "jwt"))]
fn jwt_lifetime(_: &AccessToken) -> Option<Duration> {
    None
}
