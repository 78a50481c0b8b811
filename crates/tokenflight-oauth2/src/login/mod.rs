//! Logging in from a command line: device codes (RFC 8628), and authorization codes with PKCE (RFC 7636) and a loopback
//! redirect (RFC 8252).
//!
//! Both end in a [`TokenSet`] for `Session::login`.
//!
//! ```no_run
//! use tokenflight_oauth2::{TokenEndpoint, login::{CodeLogin, Loopback}};
//!
//! # async fn example(endpoint: TokenEndpoint) -> Result<(), tokenflight_oauth2::login::LoginError> {
//! let loopback = Loopback::bind().await?;
//! let login = CodeLogin::start(&endpoint, "https://as.example/authorize", loopback.redirect_uri(), Some("read"))?;
//! println!("Open {} in a browser.", login.url());
//! let callback = loopback.answer(&login).await?;
//! let tokens = login.finish(callback).await?;
//! # let _ = tokens;
//! # Ok(())
//! # }
//! ```

mod code;
mod device;
mod loopback;

use std::{fmt, io};

use tokenflight_core::{GrantError, TokenSet};

pub use self::{
    code::{Callback, CodeLogin},
    device::DeviceLogin,
    loopback::Loopback,
};
use crate::{EndpointError, answer::Verdict, endpoint::Failed};

/// Why a login did not end in tokens. Start another one.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoginError {
    /// An address is no place to send secrets to.
    Address(EndpointError),
    /// The request failed.
    Request(GrantError),
    /// The user said no, or the server did for them: its code.
    Denied(Box<str>),
    /// Nobody said yes in time.
    Expired,
    /// The answer is not what it should be, or not for this login (RFC 9207).
    Malformed(&'static str),
    /// The loopback port.
    Io(io::Error),
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Request(error) => error.fmt(f),
            Self::Denied(code) => write!(f, "the login was refused: {code}"),
            Self::Expired => f.write_str("nobody said yes in time"),
            Self::Malformed(what) => f.write_str(what),
            Self::Io(_) => f.write_str("the loopback port failed"),
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

fn tokens(verdict: Result<Verdict, Box<Failed>>) -> Result<TokenSet, GrantError> {
    match verdict.map_err(|failed| failed.into_error())? {
        Verdict::Tokens(set) => Ok(set),
        Verdict::Failed(error) | Verdict::Odd(error) => Err(error),
    }
}
