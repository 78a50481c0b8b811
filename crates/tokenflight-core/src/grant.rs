//! How a token set is obtained: the [`Grant`] contract.
//!
//! ```
//! use std::time::Duration;
//! use tokenflight_core::{Grant, GrantError, TokenSet, grant::{TokenRequest, grant_fn}};
//!
//! // Any backend: an async function from the current refresh token to the next token set.
//! let grant = grant_fn(|request: TokenRequest| async move {
//!     let Some(refresh_token) = request.refresh_token() else {
//!         return Err(GrantError::config("no refresh token"));
//!     };
//!     // Send it to the token endpoint here.
//!     let _ = refresh_token.expose();
//!     Ok(TokenSet::new("access").refresh_token("next").expires_in(Duration::from_secs(300)))
//! });
//! assert!(grant.needs_refresh_token());
//! ```

use std::{
    error::Error as StdError,
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use crate::{BoxError, BoxFuture, EndReason, Epoch, Generation, RefreshToken, TokenSet, event::clean};

/// The way to obtain a token set.
///
/// # Contract
///
/// * One call makes at most **one** submission to the authorization server (R-205): no retries, no redirects, no probing
///   of authentication styles, and never through a client that carries this session's own layer (R-413).
/// * The error names the [`FailureClass`]. When in doubt: [`FailureClass::Ambiguous`].
/// * The engine bounds the call in time; the future may be dropped when the limit is reached.
pub trait Grant: Send + Sync + 'static {
    /// Sends one token request.
    ///
    /// # Errors
    ///
    /// [`GrantError`] with the class of the failure.
    ///
    /// # Panics
    ///
    /// A panic is caught and counts as [`FailureClass::Ambiguous`], or as [`FailureClass::NotSent`] if the request was
    /// declared [unsent](TokenRequest::mark_unsent) (R-402).
    ///
    /// # Cancel safety
    ///
    /// Callers come and go; the engine keeps the future. It is dropped only at its time limit or with the session.
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>>;

    /// Whether a refresh token must be there. `false` for grants that can always ask anew (client credentials).
    fn needs_refresh_token(&self) -> bool {
        true
    }

    /// Tells the server that a refresh token is no longer wanted (RFC 7009). Best effort; does nothing by default.
    ///
    /// # Errors
    ///
    /// The failure, which nobody waits for.
    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        let _ = token;
        Box::pin(async { Ok(()) })
    }
}

impl<G: Grant + ?Sized> Grant for Arc<G> {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        (**self).request(request)
    }

    fn needs_refresh_token(&self) -> bool {
        (**self).needs_refresh_token()
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        (**self).revoke(token)
    }
}

/// Why a flight was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The session knows nothing yet and looks into its store first.
    Load,
    /// The token is within its lead, or has expired.
    Due,
    /// A server refused the token.
    Rejected,
    /// The user asked for it.
    Forced,
    /// Something has not reached the store yet.
    Persist,
}

/// What one token request is made from. Cloning shares the progress mark.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    refresh_token: Option<RefreshToken>,
    reason: Reason,
    epoch: Epoch,
    generation: Generation,
    sent: Arc<AtomicU8>,
}

/// Values of the progress mark.
const UNKNOWN: u8 = 0;
const UNSENT: u8 = 1;
const SENT: u8 = 2;

impl TokenRequest {
    /// A request; made by the engine, and by tests of grants.
    #[must_use]
    pub fn new(refresh_token: Option<RefreshToken>, reason: Reason) -> Self {
        Self {
            refresh_token,
            reason,
            epoch: Epoch::default(),
            generation: Generation::default(),
            sent: Arc::new(AtomicU8::new(UNKNOWN)),
        }
    }

    /// Says which token set this request is to replace.
    #[must_use]
    pub fn replacing(mut self, epoch: Epoch, generation: Generation) -> Self {
        (self.epoch, self.generation) = (epoch, generation);
        self
    }

    /// The refresh token to present.
    #[must_use]
    pub const fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    /// Why the request is made.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// The epoch the result will belong to.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The generation that is to be replaced.
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// Declares that nothing has left this process yet: until [`mark_sent`](Self::mark_sent), a panic or the time limit
    /// counts as [`FailureClass::NotSent`]. Without this call the engine must assume the worst.
    pub fn mark_unsent(&self) {
        // A request that was sent stays sent.
        let _ = self.sent.compare_exchange(UNKNOWN, UNSENT, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Declares that the first byte goes out now.
    pub fn mark_sent(&self) {
        self.sent.store(SENT, Ordering::Release);
    }

    /// The class of an attempt that ended without an answer (R-402, R-211).
    #[must_use]
    pub fn class_without_answer(&self) -> FailureClass {
        match self.sent.load(Ordering::Acquire) {
            UNSENT => FailureClass::NotSent,
            _ => FailureClass::Ambiguous,
        }
    }
}

/// What a failed token request means for the refresh token it presented (R-201).
///
/// Exhaustive on purpose: every attempt ends in exactly one of these, and every reader must have an answer to each.
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
        })
    }
}

/// A failed token request and its class.
///
/// `Display` names the class and the server's error code, never the source, never a body.
#[derive(Debug)]
pub struct GrantError {
    class: FailureClass,
    code: Option<Box<str>>,
    description: Option<Box<str>>,
    retry_after: Option<Duration>,
    rotated: Option<RefreshToken>,
    source: Option<BoxError>,
}

impl GrantError {
    /// A failure of a class.
    #[must_use]
    pub const fn new(class: FailureClass) -> Self {
        Self { class, code: None, description: None, retry_after: None, rotated: None, source: None }
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

    /// Adds the server's error code; cut to 256 characters, control characters removed (R-232).
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

    /// Says that the server rotated the refresh token although its answer cannot be used: the new one is stored (T-22).
    #[must_use]
    pub fn rotated(mut self, token: RefreshToken) -> Self {
        self.rotated = Some(token);
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

impl fmt::Display for GrantError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

/// A [`Grant`] made of an async function; see [`grant_fn`].
#[derive(Clone)]
pub struct GrantFn<F> {
    function: F,
    needs_refresh_token: bool,
}

/// Makes a [`Grant`] of an async function: any backend, any endpoint, any wire format.
pub const fn grant_fn<F>(function: F) -> GrantFn<F> {
    GrantFn { function, needs_refresh_token: true }
}

impl<F> GrantFn<F> {
    /// Says that the function can obtain tokens without a refresh token (client credentials, workload identity).
    #[must_use]
    pub fn without_refresh_token(mut self) -> Self {
        self.needs_refresh_token = false;
        self
    }
}

impl<F> fmt::Debug for GrantFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantFn").field("needs_refresh_token", &self.needs_refresh_token).finish_non_exhaustive()
    }
}

impl<F, Fut> Grant for GrantFn<F>
where
    F: Fn(TokenRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<TokenSet, GrantError>> + Send + 'static,
{
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin((self.function)(request.clone()))
    }

    fn needs_refresh_token(&self) -> bool {
        self.needs_refresh_token
    }
}
