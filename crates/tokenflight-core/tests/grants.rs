//! A grant in front of another: what it leaves out must not turn into what a grant without anything
//! behind it says.

use std::{future::ready, sync::Arc};

use futures_executor::block_on;
use tokenflight_core::{
    BoxFuture, Grant, GrantError, RefreshToken, TokenSet,
    grant::{ReusePolicy, TokenRequest},
};

/// Says something else than the defaults everywhere.
struct Behind;

impl Grant for Behind {
    fn request<'a>(&'a self, _: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(ready(Ok(TokenSet::new("access"))))
    }

    fn needs_refresh_token(&self) -> bool {
        false
    }

    fn issuer(&self) -> Option<&str> {
        Some("https://as.example")
    }

    fn client_id(&self) -> Option<&str> {
        Some("me")
    }

    fn reuse_policy(&self) -> Option<ReusePolicy> {
        Some(ReusePolicy::NonRotating)
    }

    fn revoke<'a>(&'a self, _: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        Box::pin(ready(Err(GrantError::config("not here"))))
    }
}

struct Front<G>(Option<G>);

impl<G: Grant> Grant for Front<G> {
    fn request<'a>(&'a self, _: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(ready(Err(GrantError::config("not asked"))))
    }

    fn inner(&self) -> Option<&dyn Grant> {
        self.0.as_ref().map(|behind| behind as &dyn Grant)
    }
}

type Said<'a> = (bool, Option<&'a str>, Option<&'a str>, Option<ReusePolicy>, bool);

fn said(grant: &dyn Grant) -> Said<'_> {
    let revoked = block_on(grant.revoke(&RefreshToken::new("refresh"))).is_ok();
    (grant.needs_refresh_token(), grant.issuer(), grant.client_id(), grant.reuse_policy(), revoked)
}

#[test]
fn a_grant_in_front_of_another_says_what_that_one_says() {
    let front: Arc<dyn Grant> = Arc::new(Front(Some(Behind)));
    let all = (false, Some("https://as.example"), Some("me"), Some(ReusePolicy::NonRotating), false);
    assert_eq!(said(&front), all);
    assert_eq!(said(&Front(Some(front))), all);
    assert_eq!(said(&Front::<Behind>(None)), (true, None, None, None, true), "a grant of its own");
}
