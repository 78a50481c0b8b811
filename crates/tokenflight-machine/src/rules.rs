use std::{sync::Arc, time::Duration};

use tokenflight_core::grant::ReusePolicy;

use super::{Policy, PolicyError, present::Lengths};

/// Whether a session stands alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // The machine must have an answer to each.
pub enum Role {
    /// It keeps a refresh token and uses its own access tokens.
    #[default]
    Alone,
    /// It keeps the refresh token of several audiences and uses no access token itself: nothing is
    /// refreshed but at the wish of one of them.
    Common,
    /// It gets its tokens from the common session, which also stores what there is to store.
    Audience,
}

/// By what a machine decides: the settings, what is known of the grant, and of the store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rules {
    /// The settings; many sessions may have the same.
    pub policy: Arc<Policy>,
    /// What the server does with a refresh token that is presented again.
    pub reuse: ReusePolicy,
    /// Whether the grant can do nothing without a refresh token.
    pub needs_refresh_token: bool,
    /// The authorization server the grant presents tokens to.
    pub issuer: Option<String>,
    /// The client that presents them.
    pub client_id: Option<String>,
    /// Whether no other process reaches the store.
    pub private_store: bool,
    /// Whether the session stands alone.
    pub role: Role,
}

/// How much of a claim must be left when a request's time is over.
pub(super) const RESERVE: Duration = Duration::from_secs(5);

/// The least time in which it is worth asking again within a grace window.
const LEAST: Duration = Duration::from_secs(3);

/// A store that was not asked for so long was not watched.
const GAP: Duration = Duration::from_secs(5);

/// No request of a server with a grace window gets less.
const LEAST_ATTEMPT: Duration = Duration::from_secs(10);

impl Rules {
    /// Rules for a grant that needs a refresh token and knows nothing of its server, over a store
    /// that others share.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] names the setting that makes no sense.
    pub fn new(policy: impl Into<Arc<Policy>>) -> Result<Self, PolicyError> {
        let policy = policy.into();
        policy.check()?;
        Ok(Self {
            reuse: policy.reuse_policy.unwrap_or(ReusePolicy::Strict),
            policy,
            needs_refresh_token: true,
            issuer: None,
            client_id: None,
            private_store: false,
            role: Role::Alone,
        })
    }

    /// How long the parts of a presentation take.
    #[must_use]
    pub fn lengths(&self) -> Lengths {
        Lengths { request: self.attempt_limit(), claim: self.claim_length(), reserve: RESERVE, least: LEAST, gap: GAP }
    }

    /// The time a token request gets. With a grace window it is a fifth of it, because an attempt
    /// that outlives the window forfeits the second one; but never less than 10 s, because a window
    /// is no statement about how slow a server is.
    #[must_use]
    pub fn attempt_limit(&self) -> Duration {
        match self.reuse {
            ReusePolicy::Grace { window } => self.policy.request_limit.min((window / 5).max(LEAST_ATTEMPT)),
            _ => self.policy.request_limit,
        }
    }

    /// How long a claim lasts: time to get to the request, the request and what it needs to arrive.
    #[must_use]
    pub fn claim_length(&self) -> Duration {
        self.attempt_limit().saturating_add(self.policy.claim_margin)
    }

    /// How long another holder's claim is waited for: its whole length, the time the store must
    /// have answered, and one more answer.
    #[must_use]
    pub fn claim_patience(&self) -> Duration {
        self.claim_length().saturating_add(Duration::from_secs(15)).saturating_add(self.policy.store_limit)
    }

    /// When a whole refresh is over, whatever happens: the claim, the request, and the store's
    /// answers around them.
    #[must_use]
    pub fn refresh_limit(&self) -> Duration {
        let store = self.policy.store_limit.saturating_mul(4);
        self.attempt_limit().saturating_add(self.claim_patience()).saturating_add(store)
    }
}
