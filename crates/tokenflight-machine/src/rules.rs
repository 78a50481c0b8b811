use std::time::Duration;

use tokenflight_core::grant::ReusePolicy;

use super::{Policy, PolicyError, present::Lengths};

/// Whether a session stands alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // The machine must have an answer to each.
pub enum Role {
    /// It keeps a refresh token and uses its own access tokens.
    #[default]
    Alone,
    /// It keeps the refresh token of several audiences and uses no access token itself: nothing is refreshed but at the wish
    /// of one of them.
    Common,
    /// It gets its tokens from the common session, which also stores what there is to store.
    Audience,
}

/// By what a machine decides: the settings, what is known of the grant, and of the store.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rules {
    /// The settings.
    pub policy: Policy,
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

impl Rules {
    /// Rules for a grant that needs a refresh token, over a store that others share.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] names the setting that makes no sense.
    pub fn new(policy: Policy) -> Result<Self, PolicyError> {
        policy.check()?;
        Ok(Self {
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
        Lengths {
            request: self.policy.attempt_limit(),
            claim: self.policy.claim_length(),
            reserve: RESERVE,
            least: LEAST,
            gap: GAP,
        }
    }

    /// What the server does with a refresh token that is presented again.
    #[must_use]
    pub const fn reuse(&self) -> ReusePolicy {
        self.policy.reuse_policy
    }
}
