use std::{error::Error as StdError, fmt, sync::Arc, time::Duration};

use crate::{BoxError, EndReason, FailureClass, GrantError, store::StoreError};

/// Why there is no token. One failure is handed to many waiters, so cloning shares it.
///
/// Ask instead of matching: [`needs_login`](Self::needs_login),
/// [`is_transient`](Self::is_transient), [`class`](Self::class),
/// [`retry_after`](Self::retry_after). `Display` repeats no source and shows no token or body.
///
/// ```
/// use tokenflight_core::{Error, ErrorKind, FailureClass, GrantError};
///
/// let error = Error::from(GrantError::new(FailureClass::Ambiguous));
/// assert!(error.is_transient() && !error.needs_login());
/// assert_eq!(error.class(), Some(FailureClass::Ambiguous));
/// assert!(Error::new(ErrorKind::LoggedOut).needs_login());
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    retry_after: Option<Duration>,
    code: Option<Box<str>>,
    source: Option<BoxError>,
}

/// What kind of [`Error`] it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There was no login, and the store was empty. It is not read again by itself: after a login
    /// in another process call `Session::reload`
    /// ([pitfalls](https://github.com/tokenflight/tokenflight/blob/main/crates/tokenflight/docs/pitfalls.md)).
    NotLoggedIn,
    /// There was a logout. The store is not read again by itself: after a login in another process
    /// call `Session::reload`
    /// ([pitfalls](https://github.com/tokenflight/tokenflight/blob/main/crates/tokenflight/docs/pitfalls.md)).
    LoggedOut,
    /// The authorization server ended the session. The store is not read again by itself: after a
    /// login in another process call `Session::reload`
    /// ([pitfalls](https://github.com/tokenflight/tokenflight/blob/main/crates/tokenflight/docs/pitfalls.md)).
    Ended(EndReason),
    /// The token is spent and there is no refresh token to get another with.
    NoRefreshToken,
    /// There was a login or logout since the request was started, or its key stands for another
    /// session by now; it must not continue with another login's token.
    SessionChanged,
    /// The session is chosen for each request by a key in its extensions, and this request has
    /// none, or one that stands for no session. Nothing was sent.
    NoKey,
    /// A token request failed.
    Refresh(FailureClass),
    /// The store failed, or another holder kept its claim for too long.
    Store,
    /// The API refused a token that was just issued, and another one would not help: check the
    /// audience, the clocks and the API's keys.
    FreshRefused,
    /// Refreshing does not help there: too many new tokens were refused by one origin, or the
    /// authorization server gave the very access token again that was refused.
    Futile,
    /// The request was refused as often as it may be sent: the replay was refused as well, or
    /// nothing is replayed.
    StillRefused,
    /// The request's own deadline, or the longest it may be held, passed before it could be sent.
    TimedOut,
    /// The grant's own client waits for the flight it is part of: it must not be wrapped in this
    /// session's layer.
    Recursion,
    /// The session was shut down.
    Closed,
    /// There is no timer: the runtime of the session's [`Time`](crate::Time) is gone, or has none.
    NoTimer,
}

impl Error {
    /// An error without a source.
    #[must_use]
    pub fn new(kind: ErrorKind) -> Self {
        Self(Arc::new(Inner { kind, retry_after: None, code: None, source: None }))
    }

    /// An error with a source.
    pub fn with_source(kind: ErrorKind, source: impl Into<BoxError>) -> Self {
        Self(Arc::new(Inner { kind, retry_after: None, code: None, source: Some(source.into()) }))
    }

    /// A token request that failed, whatever its class: it ended no session.
    #[must_use]
    pub fn failed(error: GrantError) -> Self {
        Self::of(ErrorKind::Refresh(error.class()), error.told())
    }

    fn of(kind: ErrorKind, error: GrantError) -> Self {
        let (retry_after, code) = (error.wait(), error.error_code().map(Box::from));
        Self(Arc::new(Inner { kind, retry_after, code, source: Some(Box::new(error)) }))
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Whether only a login can help.
    #[must_use]
    pub fn needs_login(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::NotLoggedIn | ErrorKind::LoggedOut | ErrorKind::Ended(_) | ErrorKind::NoRefreshToken
        )
    }

    /// Whether the session was ended by the authorization server.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        matches!(self.kind(), ErrorKind::Ended(_))
    }

    /// Whether the same call may succeed later without help.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.kind(),
            ErrorKind::Store
                | ErrorKind::Refresh(FailureClass::NotSent | FailureClass::Throttled | FailureClass::Ambiguous)
        )
    }

    /// The class of the failed token request, if it was one.
    #[must_use]
    pub fn class(&self) -> Option<FailureClass> {
        match self.kind() {
            ErrorKind::Refresh(class) => Some(*class),
            ErrorKind::Ended(_) => Some(FailureClass::Terminal),
            _ => None,
        }
    }

    /// How long the server asked to wait, from the moment of its answer.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The authorization server's error code, such as `invalid_client`, if it named one; of a
    /// session that has ended, the code of its [reason](EndReason::code).
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self.kind() {
            ErrorKind::Ended(reason) => Some(reason.code()),
            _ => self.0.code.as_deref(),
        }
    }

    /// Whether two errors are the same failure, not merely alike.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl From<GrantError> for Error {
    fn from(error: GrantError) -> Self {
        match error.class() {
            FailureClass::Terminal => Self::of(ErrorKind::Ended(error.end_reason()), error),
            _ => Self::failed(error),
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::with_source(ErrorKind::Store, error)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("retry_after", &self.0.retry_after)
            .field("source", &self.0.source)
            .finish()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind() {
            ErrorKind::NotLoggedIn => "not logged in: call `Session::login`, or `reload` after a login elsewhere",
            ErrorKind::LoggedOut => "the session was logged out",
            ErrorKind::Ended(reason) => return write!(f, "the authorization server ended the session: {reason}"),
            ErrorKind::NoRefreshToken => "the access token is spent and there is no refresh token",
            ErrorKind::SessionChanged => "the request's session has changed since it was started",
            ErrorKind::NoKey => "the request's extensions have no key that stands for a session",
            ErrorKind::Refresh(class) => {
                write!(f, "no new token: {class}")?;
                return match self.code() {
                    Some(code) => write!(f, ": {code}"),
                    None => Ok(()),
                };
            }
            ErrorKind::Store => "no new token: the store failed, or another process kept its claim for too long",
            ErrorKind::FreshRefused => "the API refused a token that was just issued: check audience, clock and keys",
            ErrorKind::Futile => {
                "this API refuses new tokens too, or the same one came again; \
                 refreshing for it is paused: check audience and clock"
            }
            ErrorKind::StillRefused => "the request was refused and may not be sent again",
            ErrorKind::TimedOut => "the request was held for longer than `max_wait` or its `grpc-timeout` allows",
            ErrorKind::Recursion => {
                "the grant's own client waits for the refresh it is part of: \
                 do not wrap the token client in the session's layer"
            }
            ErrorKind::Closed => "the session was shut down",
            ErrorKind::NoTimer => {
                "there is no timer here: enable the runtime's timers, or give the session another clock"
            }
        })
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
