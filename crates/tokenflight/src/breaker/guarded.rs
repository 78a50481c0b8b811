use std::fmt;

use tokenflight_core::{BoxFuture, FailureClass, Grant, GrantError, TokenSet, grant::TokenRequest};

use super::{Breaker, state::Answer};

/// A grant with a [`Breaker`] in front of it; see [`Breaker::guard`].
///
/// A request without a refresh token passes, and so does the revocation of a token.
///
/// # Cancel safety
///
/// A request that is dropped counts as not answered, and makes room for another one.
#[derive(Clone)]
pub struct Guarded<G> {
    grant: G,
    breaker: Breaker,
}

impl Breaker {
    /// The same grant, with this breaker in front of it.
    pub fn guard<G: Grant>(&self, grant: G) -> Guarded<G> {
        Guarded { grant, breaker: self.clone() }
    }
}

impl<G> Guarded<G> {
    /// The grant within.
    pub const fn get_ref(&self) -> &G {
        &self.grant
    }
}

impl<G: Grant> Grant for Guarded<G> {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        if request.refresh_token().is_none() {
            return self.grant.request(request);
        }
        Box::pin(async move {
            let place = self.breaker.enter(request).await?;
            let result = self.grant.request(request).await;
            place.answered(said(&result));
            result
        })
    }

    fn inner(&self) -> Option<&dyn Grant> {
        Some(&self.grant)
    }
}

/// What the answer says about the refresh token.
fn said(result: &Result<TokenSet, GrantError>) -> Answer {
    match result.as_ref().map_err(GrantError::class) {
        Ok(_) | Err(FailureClass::Interaction) => Answer::Lived,
        Err(FailureClass::Terminal) => Answer::Ended,
        Err(FailureClass::NotSent | FailureClass::Throttled | FailureClass::Ambiguous | FailureClass::Config) => {
            Answer::None
        }
    }
}

impl<G> fmt::Debug for Guarded<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("breaker", &self.breaker).finish_non_exhaustive()
    }
}
