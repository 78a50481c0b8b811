//! What a 401 means: the `WWW-Authenticate` header, read by the decision table of R-121.
//!
//! Never fails a request: what cannot be read carries no information (R-120). [`judge`] says whether a refresh may help,
//! [`read`] everything a server said about a Bearer token, for those who must act on it: log in with another strength
//! (RFC 9470), ask for a scope, or request a token with claims.
//!
//! ```
//! use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
//! use tokenflight::bearer::challenge::{Meaning, judge, read};
//!
//! let mut headers = HeaderMap::new();
//! assert_eq!(judge(&headers), Meaning::Refresh); // no challenge at all: illegal, and common
//! headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="insufficient_scope""#));
//! assert_eq!(judge(&headers), Meaning::InsufficientScope);
//!
//! let step_up = r#"Bearer error="insufficient_user_authentication", acr_values="mfa", max_age=60"#;
//! headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(step_up));
//! let challenge = read(&headers);
//! assert_eq!((challenge.acr_values(), challenge.max_age()), (Some("mfa"), Some(std::time::Duration::from_secs(60))));
//! ```

mod parse;
mod split;

use std::{fmt, time::Duration};

use http::HeaderMap;

use self::parse::{Found, bearer_challenges};

/// What a refusal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Meaning {
    /// Another token may help: `invalid_token`, a Bearer challenge without an error, or no challenge at all.
    Refresh,
    /// The user must authenticate in another way (RFC 9470). A new token from the same grant does not help.
    InsufficientAuthentication,
    /// The token must be requested with these claims (OpenID Connect Core §5.5; Entra ID's continuous access evaluation).
    /// A plain refresh would bring one that is refused again.
    ClaimsRequired,
    /// The token lacks a scope. Refreshing does not add one.
    InsufficientScope,
    /// The request is malformed. The same request with another token is, too.
    InvalidRequest,
    /// The server wants another scheme (Basic, Negotiate, DPoP, …).
    OtherScheme,
    /// A Bearer challenge with an error code this table does not know.
    UnknownError,
}

/// Judges the head of a 401 response.
#[must_use]
pub fn judge(headers: &HeaderMap) -> Meaning {
    read(headers).meaning
}

/// Reads what the head of a 401 response says about a Bearer token.
///
/// Of several Bearer challenges the first that forbids a refresh is the one that counts: it is the more specific statement.
#[must_use]
pub fn read(headers: &HeaderMap) -> Challenge {
    let Found { challenges, others } = bearer_challenges(headers);
    let first = challenges.iter().position(|challenge| challenge.meaning != Meaning::Refresh).unwrap_or(0);
    let none = if others { Meaning::OtherScheme } else { Meaning::Refresh };
    challenges.into_iter().nth(first).unwrap_or_else(|| Challenge::new(none))
}

/// What a server said with a refusal. Its texts are the server's: shortened to 1,000 characters and without control
/// characters, but not to be believed.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    meaning: Meaning,
    params: Vec<(&'static str, String)>,
}

impl Challenge {
    const fn new(meaning: Meaning) -> Self {
        Self { meaning, params: Vec::new() }
    }

    /// What it asks for.
    #[must_use]
    pub const fn meaning(&self) -> Meaning {
        self.meaning
    }

    /// The error code (RFC 6750 §3.1).
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.param("error")
    }

    /// The server's explanation, for developers (RFC 6750 §3).
    #[must_use]
    pub fn error_description(&self) -> Option<&str> {
        self.param("error_description")
    }

    /// The scope that is needed (RFC 6750 §3).
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.param("scope")
    }

    /// The authentication context classes that would do, in order of preference (RFC 9470 §3).
    #[must_use]
    pub fn acr_values(&self) -> Option<&str> {
        self.param("acr_values")
    }

    /// How long ago the user may have authenticated (RFC 9470 §3). `None` if it is not said, or no number of seconds.
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        let text = self.param("max_age")?;
        // More than a number can hold is longer ago than anything (R-643).
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
    }

    /// The claims the token must be requested with, as the server wrote them; Entra ID encodes them in base64.
    #[must_use]
    pub fn claims(&self) -> Option<&str> {
        self.param("claims")
    }

    /// Where the resource describes itself (RFC 9728 §5.1). A hint from whoever answered: not an address to send
    /// credentials to.
    #[must_use]
    pub fn resource_metadata(&self) -> Option<&str> {
        self.param("resource_metadata")
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}

/// Shows names only: what a server says may repeat what it was sent.
impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.params.iter().map(|(name, _)| name).collect();
        f.debug_struct("Challenge").field("meaning", &self.meaning).field("params", &names).finish()
    }
}
