use std::{borrow::Cow, fmt, io, ops::Deref};

use tokenflight_core::{GrantError, TokenSet};

use crate::{EndpointError, answer::Verdict};

/// Why a login did not end in tokens. Start another one.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoginError {
    /// An address is no place to send secrets to.
    Address(EndpointError),
    /// The request failed.
    Request(GrantError),
    /// The user said no, or the server did for them.
    Denied(Denial),
    /// The user did not say yes in time.
    Expired,
    /// The answer is not what it should be, or not for this login.
    Malformed(Cow<'static, str>),
    /// The loopback port, or the randomness of the operating system.
    Io(io::Error),
}

/// A refusal in the server's words, cut and cleaned. As a text it is the error code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    code: Box<str>,
    description: Option<Box<str>>,
}

impl Denial {
    pub(super) fn new(code: &str, description: Option<&str>) -> Self {
        const CAP: usize = 256;
        let clean = |text: &str| text.chars().filter(|char| !char.is_control()).take(CAP).collect();
        Self { code: clean(code), description: description.map(clean) }
    }

    /// The error code, such as `access_denied`.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What the server says beside it. Some say only here what happened.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }
}

impl Deref for Denial {
    type Target = str;

    fn deref(&self) -> &str {
        &self.code
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        match &self.description {
            Some(text) => write!(f, " ({text})"),
            None => Ok(()),
        }
    }
}

impl LoginError {
    pub(super) fn malformed(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed(what.into())
    }
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Request(error) => error.fmt(f),
            Self::Denied(denial) => write!(f, "the login was refused: {denial}"),
            Self::Expired => f.write_str("the user did not say yes in time"),
            Self::Malformed(what) => f.write_str(what),
            Self::Io(_) => f.write_str("the loopback port, or the system's randomness, failed"),
        }
    }
}

impl std::error::Error for LoginError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Request(error) => error.source(),
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<EndpointError> for LoginError {
    fn from(error: EndpointError) -> Self {
        Self::Address(error)
    }
}

impl From<GrantError> for LoginError {
    fn from(error: GrantError) -> Self {
        Self::Request(error)
    }
}

impl From<io::Error> for LoginError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

pub(super) fn tokens(verdict: Verdict) -> Result<TokenSet, GrantError> {
    match verdict {
        Verdict::Tokens(set) => Ok(set),
        Verdict::Failed(error) | Verdict::Odd(error) => Err(error),
    }
}
