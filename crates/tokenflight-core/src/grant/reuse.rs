use std::time::Duration;

/// What the authorization server does with a refresh token that is presented a second time.
///
/// It is a fact about the server. It decides what is allowed after an answer was lost, when the
/// stored refresh token may have been presented and its successor never arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // Every reader must have an answer to each.
pub enum ReusePolicy {
    /// It may end the session, or the rule is not known: after a lost answer the refresh token is
    /// not presented again while the access token lasts.
    Strict,
    /// It answers again within this time of the first presentation: the token is presented again
    /// promptly, at most twice.
    Grace {
        /// How long the used token stays valid.
        window: Duration,
    },
    /// It answers again until the successor, or an access token issued with it, is used. A
    /// successor whose answer was lost is never used, so the predecessor stays valid: as
    /// [`Grace`](Self::Grace) without an end.
    UntilUsed,
    /// Nothing is used up: an old refresh token stays good even if new ones are issued. Present
    /// again with the usual backoff.
    NonRotating,
}

impl ReusePolicy {
    /// A server that answers again within `window`.
    #[must_use]
    pub const fn grace(window: Duration) -> Self {
        Self::Grace { window }
    }

    /// How long after the first presentation the server answers again: zero if it may not,
    /// [`Duration::MAX`] if there is no limit.
    #[must_use]
    pub const fn window(self) -> Duration {
        match self {
            Self::Strict => Duration::ZERO,
            Self::Grace { window } => window,
            Self::UntilUsed | Self::NonRotating => Duration::MAX,
        }
    }
}
