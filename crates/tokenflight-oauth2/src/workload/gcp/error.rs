use std::fmt;

use crate::{EndpointError, auth::SourceError};

/// Why a configuration is no grant. Nothing was sent, read or run.
#[derive(Debug)]
#[non_exhaustive]
pub enum ExternalAccountError {
    /// It is no external account as AIP-4117 describes one; the text says where.
    Malformed(String),
    /// It names a source of credentials that is not supported here.
    Unsupported(&'static str),
    /// Its address `member` leads to `host`, which is not where the universe has that service.
    ForeignAddress {
        /// The member of the configuration.
        member: &'static str,
        /// Where it leads to; empty if it is no address.
        host: String,
    },
    /// It belongs to this universe, which the program has not named.
    OtherUniverse(String),
    /// It wants to run a command, and either the program or the environment does not allow that.
    ExecutablesForbidden,
    /// One of its addresses is no place to send secrets to.
    Address(EndpointError),
    /// Its source of credentials cannot be set up.
    Source(SourceError),
}

impl ExternalAccountError {
    pub(super) fn malformed(what: impl Into<String>) -> Self {
        Self::Malformed(what.into())
    }
}

impl fmt::Display for ExternalAccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => write!(f, "this is no configuration of an external account: {what}"),
            Self::Unsupported(what) => write!(f, "{what} are not supported as a source of credentials"),
            Self::ForeignAddress { member, host } => write!(
                f,
                "`{member}` leads to {host:?}, which is not where the universe has this service; \
                 if the file can be trusted, say `trust_urls()`"
            ),
            Self::OtherUniverse(universe) => write!(
                f,
                "the configuration belongs to the universe {universe:?}; if that is intended, say `universe_domain(…)`"
            ),
            Self::ExecutablesForbidden => f.write_str(
                "the configuration wants to run a command: say `allow_executables(…)`, \
                 and set GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES to 1",
            ),
            Self::Address(_) => f.write_str("an address of the configuration is no place to send secrets to"),
            Self::Source(_) => f.write_str("the source of credentials cannot be set up"),
        }
    }
}

impl std::error::Error for ExternalAccountError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Address(error) => Some(error),
            Self::Source(error) => Some(error),
            _ => None,
        }
    }
}

impl From<EndpointError> for ExternalAccountError {
    fn from(error: EndpointError) -> Self {
        Self::Address(error)
    }
}

impl From<SourceError> for ExternalAccountError {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}
