use std::{fmt, future::Future};

use super::{Grant, GrantError, TokenRequest};
use crate::{BoxFuture, TokenSet};

/// A [`Grant`] made of an async function; see [`grant_fn`].
#[derive(Clone)]
pub struct GrantFn<F> {
    function: F,
    needs_refresh_token: bool,
    issuer: Option<String>,
    client_id: Option<String>,
}

/// Makes a [`Grant`] of an async function: any backend, any endpoint, any wire format.
pub const fn grant_fn<F>(function: F) -> GrantFn<F> {
    GrantFn { function, needs_refresh_token: true, issuer: None, client_id: None }
}

impl<F> GrantFn<F> {
    /// Says that the function can obtain tokens without a refresh token (client credentials,
    /// workload identity).
    #[must_use]
    pub fn without_refresh_token(mut self) -> Self {
        self.needs_refresh_token = false;
        self
    }

    /// Says whose tokens these are; see [`Grant::issuer`].
    #[must_use]
    pub fn issued_by(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Says which client the function presents tokens as; see [`Grant::client_id`].
    #[must_use]
    pub fn presented_by(mut self, client_id: impl Into<String>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }
}

impl<F> fmt::Debug for GrantFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantFn")
            .field("needs_refresh_token", &self.needs_refresh_token)
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl<F, Fut> Grant for GrantFn<F>
where
    F: Fn(TokenRequest) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<TokenSet, GrantError>> + Send + 'static,
{
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin((self.function)(request.clone()))
    }

    fn needs_refresh_token(&self) -> bool {
        self.needs_refresh_token
    }

    fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }
}
