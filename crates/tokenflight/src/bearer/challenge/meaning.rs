use std::{fmt, time::Duration};

/// What a refusal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Meaning {
    /// Another token may help: `invalid_token`, a Bearer challenge without an error, or no
    /// challenge at all.
    Refresh,
    /// The user must authenticate otherwise (RFC 9470). A new token from the same grant is no help.
    InsufficientAuthentication,
    /// The token must be requested with these claims (OpenID Connect Core §5.5; Entra ID's
    /// continuous access evaluation). A plain refresh would bring one that is refused again.
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

/// The parameters with a meaning of their own.
const KNOWN: [&str; 7] =
    ["error", "error_description", "scope", "acr_values", "max_age", "claims", "resource_metadata"];

/// Those that mean the same with every scheme.
const ANY_SCHEME: [&str; 3] = ["error", "scope", "resource_metadata"];

/// What is kept of one parameter, in characters. Claims are the longest, and seldom half of it.
const LONGEST: usize = 1000;

/// What a server said with a refusal. Its texts are the server's: shortened to 1,000 characters and
/// without control characters, but not to be believed.
///
/// The error, the scope and the place of the metadata are told of any scheme, the rest of Bearer
/// challenges only.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    meaning: Meaning,
    params: Vec<(&'static str, String)>,
}

impl Challenge {
    pub(super) const fn new(meaning: Meaning) -> Self {
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

    /// How long ago the user may have authenticated (RFC 9470 §3). `None` if it is not said, or no
    /// number of seconds.
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        let text = self.param("max_age")?;
        // More than a number can hold is longer ago than anything.
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| Duration::from_secs(text.parse().unwrap_or(u64::MAX)))
    }

    /// The claims to request the token with, as the server wrote them; Entra ID's are in base64.
    #[must_use]
    pub fn claims(&self) -> Option<&str> {
        self.param("claims")
    }

    /// Where the resource describes itself (RFC 9728 §5.1). A hint of the server that answered: not
    /// an address to send credentials to.
    #[must_use]
    pub fn resource_metadata(&self) -> Option<&str> {
        self.param("resource_metadata")
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// Takes over a parameter with a meaning. The first of its name counts; an empty one is none.
    pub(super) fn take(&mut self, name: &[u8], value: &[u8]) {
        let known: &[&str] = if self.meaning == Meaning::OtherScheme { &ANY_SCHEME } else { &KNOWN };
        let Some(known) = known.iter().copied().find(|known| name.eq_ignore_ascii_case(known.as_bytes())) else {
            return;
        };
        if self.param(known).is_some() {
            return;
        }
        let text = String::from_utf8_lossy(value);
        let text: String = text.trim().chars().filter(|char| !char.is_control()).take(LONGEST).collect();
        if !text.is_empty() {
            self.params.push((known, text));
        }
    }

    /// Where the resource describes itself is told by any of the challenges.
    pub(super) fn take_metadata(&mut self, other: &Self) {
        if let Some(metadata) = other.resource_metadata() {
            self.take(b"resource_metadata", metadata.as_bytes());
        }
    }

    /// Whether a parameter with a meaning has been read.
    pub(super) fn says_something(&self) -> bool {
        !self.params.is_empty()
    }

    /// All parameters of a Bearer challenge are known: what it asks for.
    pub(super) fn judged(mut self) -> Self {
        self.meaning = match self.error() {
            // Whatever the code beside them: a token without these claims is refused again.
            None | Some("invalid_token") if self.claims().is_some() => Meaning::ClaimsRequired,
            _ => self.meaning_of_error(),
        };
        self
    }

    /// What the error code means where it is a Bearer challenge's.
    pub(in crate::bearer) fn meaning_of_error(&self) -> Meaning {
        match self.error() {
            None | Some("invalid_token") => Meaning::Refresh,
            Some("insufficient_claims") => Meaning::ClaimsRequired,
            Some("insufficient_user_authentication") => Meaning::InsufficientAuthentication,
            Some("insufficient_scope") => Meaning::InsufficientScope,
            Some("invalid_request") => Meaning::InvalidRequest,
            Some(_) => Meaning::UnknownError,
        }
    }
}

/// Shows names only: what a server says may repeat what it was sent.
impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.params.iter().map(|(name, _)| name).collect();
        f.debug_struct("Challenge").field("meaning", &self.meaning).field("params", &names).finish()
    }
}
