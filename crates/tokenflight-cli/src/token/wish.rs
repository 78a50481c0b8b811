use std::time::Duration;

use crate::args::Freshness;

/// How fresh a token is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) freshness: Freshness,
    /// A token that is newer than the stored one, however good that is.
    pub(crate) newer: bool,
    /// The stored one or none.
    pub(crate) cached: bool,
}

impl Wish {
    /// A token that lives long enough, for a program that waits for an answer.
    pub(crate) fn usual() -> Self {
        let freshness = Freshness { min_lifetime: None, wait: Duration::from_secs(90), foreground: false };
        Self { freshness, newer: false, cached: false }
    }
}
