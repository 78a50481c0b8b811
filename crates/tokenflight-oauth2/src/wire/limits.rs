//! How large a token response may be.

use std::fmt;

/// The largest body of a token response, as it comes and as it is decoded.
pub(super) const MAX_BODY: usize = 256 * 1024;

/// The largest sum of its header names and values.
pub(super) const MAX_HEAD: usize = 64 * 1024;

/// What is larger than that, in words.
#[derive(Debug)]
pub(super) struct TooLarge(pub(super) &'static str);

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} of the token response are too large", self.0)
    }
}

impl std::error::Error for TooLarge {}
