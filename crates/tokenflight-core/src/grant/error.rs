use std::{error::Error as StdError, fmt, time::Duration};

use crate::{BoxError, EndReason, RefreshToken, end_reason::clean};

/// What a failed token request means for the refresh token it presented.
///
/// Exhaustive on purpose: every attempt ends in exactly one of these, and every reader must have an
/// answer to each.
#[allow(clippy::exhaustive_enums)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// Provably not processed: nothing of the request reached the server, or the server said so.
    NotSent,
    /// Refused before processing (HTTP 429). The refresh token is untouched.
    Throttled,
    /// May or may not have been processed. The state of the refresh token is unknown.
    Ambiguous,
    /// The server said that this grant is over.
    Terminal,
    /// This client or the endpoint is set up wrong. The grant may be fine.
    Config,
    /// The server wants a person (consent, another authentication, claims) for what was asked. The
    /// login lives, and so does the refresh token.
    Interaction,
}

impl FailureClass {
    /// The name, for logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::Throttled => "throttled",
            Self::Ambiguous => "ambiguous",
            Self::Terminal => "terminal",
            Self::Config => "config",
            Self::Interaction => "interaction",
        }
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotSent => "the token request was not sent",
            Self::Throttled => "the authorization server asked to slow down",
            Self::Ambiguous => "the outcome of the token request is unknown",
            Self::Terminal => "the authorization server ended the grant",
            Self::Config => "the client or the token endpoint is configured wrongly",
            Self::Interaction => "the authorization server wants the user to interact",
        })
    }
}

/// A failed token request and its class.
///
/// `Display` names the class and the server's error code, never the source, never a body. As the
/// source of an [`Error`](crate::Error) that has named both it says what the server explains.
#[derive(Debug)]
pub struct GrantError {
    class: FailureClass,
    code: Option<Box<str>>,
    description: Option<Box<str>>,
    retry_after: Option<Duration>,
    rotated: Option<RefreshToken>,
    wanted: Wanted,
    /// Whether the error around it has told class and code.
    told: bool,
    source: Option<BoxError>,
}

/// What a login must ask for after [`FailureClass::Interaction`].
#[derive(Debug)]
struct Wanted {
    claims: Option<Box<str>>,
    scope: Option<Box<str>>,
}

impl GrantError {
    /// A failure of a class.
    #[must_use]
    pub const fn new(class: FailureClass) -> Self {
        let wanted = Wanted { claims: None, scope: None };
        Self {
            class,
            code: None,
            description: None,
            retry_after: None,
            rotated: None,
            wanted,
            told: false,
            source: None,
        }
    }

    /// Nothing reached the server.
    pub fn not_sent(source: impl Into<BoxError>) -> Self {
        Self::new(FailureClass::NotSent).source(source)
    }

    /// The server asked to slow down, perhaps until a time.
    #[must_use]
    pub const fn throttled(retry_after: Option<Duration>) -> Self {
        let mut error = Self::new(FailureClass::Throttled);
        error.retry_after = retry_after;
        error
    }

    /// The outcome is unknown.
    pub fn ambiguous(source: impl Into<BoxError>) -> Self {
        Self::new(FailureClass::Ambiguous).source(source)
    }

    /// The server ended the grant, with an error code such as `invalid_grant`.
    #[must_use]
    pub fn terminal(code: &str) -> Self {
        Self::new(FailureClass::Terminal).code(code)
    }

    /// The set-up is wrong.
    pub fn config(source: impl Into<BoxError>) -> Self {
        Self::new(FailureClass::Config).source(source)
    }

    /// The server wants the user, with an error code such as `interaction_required`.
    #[must_use]
    pub fn interaction(code: &str) -> Self {
        Self::new(FailureClass::Interaction).code(code)
    }

    /// The same failure in another class: the caller knows more than the answer says.
    #[must_use]
    pub const fn in_class(mut self, class: FailureClass) -> Self {
        self.class = class;
        self
    }

    /// Adds the server's error code; cut to 256 characters, control characters removed.
    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        self.code = Some(clean(code));
        self
    }

    /// Adds the server's description; cut and cleaned like the code.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.description = Some(clean(text));
        self
    }

    /// Adds the time the server asked for (`Retry-After`).
    #[must_use]
    pub const fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// Says that the server rotated the refresh token in an unusable answer: the new one is stored.
    #[must_use]
    pub fn rotated(mut self, token: RefreshToken) -> Self {
        self.rotated = Some(token);
        self
    }

    /// Adds the claims that a login must ask for (OpenID Connect Core §5.5, the `claims` member of
    /// Entra's answers), as the server wrote them. Cleaned like the code; more than 8 KiB are
    /// dropped, because half a request is none.
    #[must_use]
    pub fn claims(mut self, claims: &str) -> Self {
        const CAP: usize = 8 * 1024;
        let claims: Box<str> = claims.chars().filter(|char| !char.is_control()).collect();
        self.wanted.claims = Some(claims).filter(|claims| claims.len() <= CAP);
        self
    }

    /// Adds the scope that a login must ask for.
    #[must_use]
    pub fn scope(mut self, scope: &str) -> Self {
        self.wanted.scope = Some(clean(scope));
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The class.
    #[must_use]
    pub const fn class(&self) -> FailureClass {
        self.class
    }

    /// The server's error code.
    #[must_use]
    pub fn error_code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// The server's description.
    #[must_use]
    pub fn error_description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// How long the server asked to wait.
    #[must_use]
    pub const fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The refresh token that replaced the presented one, if the answer carried it.
    #[must_use]
    pub const fn rotated_token(&self) -> Option<&RefreshToken> {
        self.rotated.as_ref()
    }

    /// The claims that a login must ask for, if the server named some.
    #[must_use]
    pub fn wanted_claims(&self) -> Option<&str> {
        self.wanted.claims.as_deref()
    }

    /// The scope that a login must ask for, if it is known.
    #[must_use]
    pub fn wanted_scope(&self) -> Option<&str> {
        self.wanted.scope.as_deref()
    }

    /// The reason to end the session with, if the class is [`FailureClass::Terminal`].
    #[must_use]
    pub fn end_reason(&self) -> EndReason {
        let reason = EndReason::new(self.code.as_deref().unwrap_or("terminal"));
        match &self.description {
            Some(text) => reason.description(text),
            None => reason,
        }
    }
}

impl GrantError {
    /// As the source of an error that tells class and code.
    pub(crate) fn told(mut self) -> Self {
        self.told = true;
        self
    }
}

impl fmt::Display for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.told {
            return match &self.description {
                Some(text) => write!(f, "the authorization server says: {text}"),
                None => f.write_str("the token request failed"),
            };
        }
        self.class.fmt(f)?;
        if let Some(code) = &self.code {
            write!(f, ": {code}")?;
        }
        match &self.description {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

impl StdError for GrantError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
