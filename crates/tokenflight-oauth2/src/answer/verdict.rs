use std::fmt;

use tokenflight_core::{GrantError, TokenSet};

/// What an answer means.
#[derive(Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// Tokens. Whether the access token may be used is judged at adoption.
    Tokens(TokenSet),
    /// A failure with its class.
    Failed(GrantError),
    /// A success that is none: no tokens, no error. Ambiguous once; three in a row: a wrong set-up.
    Odd(GrantError),
}

/// Why a success is none.
#[derive(Debug)]
pub(super) struct NoTokens(pub(super) &'static str);

impl fmt::Display for NoTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for NoTokens {}
