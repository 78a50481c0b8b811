use std::time::Duration;

use crate::{AccessToken, RefreshToken, TokenSet};

/// The tokens of one response, as they are kept, and what must be known to use them again.
///
/// ```
/// use std::time::Duration;
/// use tokenflight_core::{TokenSet, store::StoredTokens};
///
/// let set = TokenSet::new("access").refresh_token("refresh").expires_in(Duration::from_secs(300));
/// let tokens = StoredTokens::from_set(&set, Duration::from_secs(1_700_000_000), None).issued_by(Some("https://as.example"));
/// assert_eq!(tokens.lifetime, Some(Duration::from_secs(300)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredTokens {
    /// The access token; none if the login came with a refresh token alone.
    pub access: Option<AccessToken>,
    /// The refresh token to present next.
    pub refresh: Option<RefreshToken>,
    /// The lifetime, counted from `received`; unknown if the server did not say.
    pub lifetime: Option<Duration>,
    /// When the request for it was sent, on the wall clock, since the Unix epoch.
    pub received: Duration,
    /// The granted scope.
    pub scope: Option<String>,
    /// The authorization server they are from ([`Grant::issuer`](crate::Grant::issuer)). They are
    /// never presented to another one.
    pub issuer: Option<String>,
    /// The client they were issued to. They are never presented by another one.
    pub client_id: Option<String>,
}

impl StoredTokens {
    /// The tokens of `set` as of `received`, on the wall clock. If the answer brought no refresh
    /// token, the one that was presented, `keep`, stays valid (RFC 6749 §6).
    #[must_use]
    pub fn from_set(set: &TokenSet, received: Duration, keep: Option<&RefreshToken>) -> Self {
        let access = (!set.access().expose().is_empty()).then(|| set.access().clone());
        Self {
            access,
            refresh: set.refresh().or(keep).cloned(),
            lifetime: set.lifetime(),
            received,
            scope: set.granted_scope().map(str::to_owned),
            issuer: None,
            client_id: None,
        }
    }

    /// The same, with the name of the authorization server.
    #[must_use]
    pub fn issued_by(mut self, issuer: Option<&str>) -> Self {
        self.issuer = issuer.map(str::to_owned);
        self
    }

    /// The same, with the name of the client.
    #[must_use]
    pub fn issued_to(mut self, client_id: Option<&str>) -> Self {
        self.client_id = client_id.map(str::to_owned);
        self
    }
}
