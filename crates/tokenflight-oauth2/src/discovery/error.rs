use std::fmt;

use http::StatusCode;

use crate::BoxError;

/// Why there is no metadata.
#[derive(Debug)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// No issuer identifier: an address without query, fragment and credentials (RFC 8414 §2).
    NotAnIssuer(&'static str),
    /// The issuer, or an endpoint in the document, is no place to send secrets to.
    Insecure,
    /// The server could not be reached.
    Unreachable(BoxError),
    /// There was no answer in time.
    TimedOut,
    /// It answered with another status than 200.
    Status(StatusCode),
    /// It redirects to another origin, which is not followed, or too often.
    Redirected {
        /// The status.
        status: StatusCode,
        /// Where to, without a query, which might hold secrets.
        to: Box<str>,
    },
    /// The document is not what it should be.
    Malformed(BoxError),
    /// The document speaks for another issuer (RFC 8414 §3.3).
    OtherIssuer {
        /// The one that was asked for.
        asked: Box<str>,
        /// The one that the document names. If it is the right one, ask for it.
        found: Box<str>,
    },
}

impl fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnIssuer(why) => write!(f, "not an issuer identifier: {why}"),
            Self::Insecure => f.write_str("the issuer or an endpoint is neither https nor http on loopback"),
            Self::Unreachable(_) => f.write_str("the authorization server's metadata could not be read"),
            Self::TimedOut => f.write_str("the authorization server did not send its metadata in time"),
            Self::Status(status) => write!(f, "the authorization server answered {} for its metadata", status.as_u16()),
            Self::Redirected { status, to } => write!(
                f,
                "the authorization server answered {} for its metadata and sends to {to}, which is not followed: \
                 ask for the issuer there, if it is the right one",
                status.as_u16()
            ),
            Self::Malformed(_) => f.write_str("the authorization server's metadata is malformed"),
            Self::OtherIssuer { asked, found } => write!(
                f,
                "the metadata are of the issuer {found}, not of {asked}: ask for the former if it is the right one, \
                 with a tenant's own name in the place of a template"
            ),
        }
    }
}

impl std::error::Error for DiscoveryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable(error) | Self::Malformed(error) => Some(&**error),
            _ => None,
        }
    }
}

/// What a server says of itself, in an error: no control characters, and not too much.
pub(super) fn clean(text: &str) -> Box<str> {
    const CAP: usize = 256;
    text.chars().filter(|char| !char.is_control()).take(CAP).collect()
}
