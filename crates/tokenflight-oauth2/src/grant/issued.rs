use std::{fmt, time::Duration};

use tokenflight_core::{
    BoxFuture, FailureClass, GrantError,
    grant::{Reason, TokenRequest},
};

use super::{OAuthGrant, assertion::for_another_server};
use crate::auth::{Assertion, Assertions, SourceError, Wanted};

/// The tokens of one server as the assertions for another, one request for each. Made by
/// [`OAuthGrant::assertion`].
pub struct IssuedAssertions(OAuthGrant);

impl OAuthGrant {
    /// What this grant obtains, as the assertion of another grant or of a client: the ID-JAG of an
    /// identity provider for a resource server's `jwt_bearer`, the token of a security token
    /// service for the next exchange.
    ///
    /// What the exchange says it has issued must be what was asked for (`requested_token_type`, RFC
    /// 8693 §2.2.1); it need not be an access token, and its `token_type` may be `N_A`. Nothing is
    /// kept: each attempt of the other grant makes one request here, within that attempt's time. A
    /// grant that presents a refresh token has none here, and says so.
    ///
    /// ```
    /// use tokenflight_oauth2::{BoxError, ClientAuth, OAuthGrant, TokenEndpoint};
    ///
    /// /// Enterprise-managed authorization: the identity provider vouches for the user at the resource's server.
    /// fn grant(idp: TokenEndpoint, resource: TokenEndpoint) -> OAuthGrant {
    ///     let id_token = || async { Ok::<_, BoxError>("eyJ...".to_owned()) };
    ///     let jag = idp
    ///         .client(ClientAuth::basic("me-at-idp", "secret"))
    ///         .token_exchange("urn:ietf:params:oauth:token-type:id_token", id_token)
    ///         .parameter("requested_token_type", "urn:ietf:params:oauth:token-type:id-jag")
    ///         .audience("https://resource.example")
    ///         .assertion();
    ///     resource.client(ClientAuth::basic("me-at-resource", "secret")).jwt_bearer(jag)
    /// }
    /// # let _ = grant;
    /// ```
    #[must_use]
    pub const fn assertion(self) -> IssuedAssertions {
        IssuedAssertions(self)
    }
}

impl IssuedAssertions {
    async fn obtain(&self, wanted: &Wanted<'_>) -> Result<Assertion, SourceError> {
        let reason = if wanted.forced { Reason::Forced } else { Reason::Due };
        let request = TokenRequest::new(None, reason);
        let set = self.0.attempt(&request, for_another_server).await.map_err(failed)?;
        let assertion = Assertion::new(set.access().expose());
        Ok(match (assertion.expires_at(), wanted.now, set.lifetime()) {
            (None, Some(now), Some(lifetime)) => assertion.expires(now.saturating_add(lifetime)),
            _ => assertion,
        })
    }
}

fn failed(error: GrantError) -> SourceError {
    match error.class() {
        FailureClass::Config => SourceError::Setup(error.into()),
        _ => SourceError::Unavailable(error.into()),
    }
}

impl Assertions for IssuedAssertions {
    fn next<'a>(&'a self, wanted: &'a Wanted<'_>) -> BoxFuture<'a, Result<Assertion, SourceError>> {
        Box::pin(self.obtain(wanted))
    }

    /// That of its own source, and the time of a request.
    fn limit(&self) -> Duration {
        const REQUEST: Duration = Duration::from_secs(20);
        self.0.source_limit().saturating_add(REQUEST)
    }
}

impl fmt::Debug for IssuedAssertions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IssuedAssertions").field(&self.0).finish()
    }
}
