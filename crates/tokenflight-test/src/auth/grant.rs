use std::fmt;

use http::HeaderMap;
use tokenflight_core::{BoxFuture, Grant, GrantError, RefreshToken, TokenSet, grant::TokenRequest};

use super::{
    AuthServer, Fault,
    exchange::{Ended, Presented},
};

/// An [`AuthServer`] in process; see [`AuthServer::grant`].
///
/// Latency is slept through the server's `Time`. A request counts as unsent until the server has
/// it, unless the script says [`Fault::CutBefore`]: then it fails as provably not sent.
#[derive(Clone)]
pub struct AuthGrant {
    server: AuthServer,
    client: Option<String>,
}

impl AuthServer {
    /// The server in process, as a [`Grant`].
    #[must_use]
    pub fn grant(&self) -> AuthGrant {
        AuthGrant { server: self.clone(), client: None }
    }
}

impl AuthGrant {
    /// Presents tokens as a client of this name, which is taken for authenticated. The server
    /// refuses tokens that it issued to another one of its [clients](super::Builder::client).
    #[must_use]
    pub fn presented_by(mut self, client: impl Into<String>) -> Self {
        self.client = Some(client.into());
        self
    }
}

impl fmt::Debug for AuthGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthGrant").finish_non_exhaustive()
    }
}

impl Grant for AuthGrant {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async move {
            request.mark_unsent();
            let Some(token) = request.refresh_token() else {
                return Err(GrantError::config("no refresh token to present"));
            };
            let plan = self.server.plan();
            if plan.fault == Fault::CutBefore {
                return Err(GrantError::not_sent("the fault script refused the connection"));
            }
            request.mark_sent();
            let (headers, client) = (HeaderMap::new(), self.client.as_deref());
            let presented = Presented { token: token.expose(), client, headers: &headers };
            match self.server.exchange(presented, plan).await {
                Ended::Answered(answer) => answer.result(),
                Ended::Cut => Err(GrantError::ambiguous("the fault script cut the connection")),
                Ended::Truncated(_) => Err(GrantError::ambiguous("the fault script cut the answer short")),
            }
        })
    }

    fn client_id(&self) -> Option<&str> {
        self.client.as_deref()
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        Box::pin(async move {
            self.server.revoke_refresh(token.expose());
            Ok(())
        })
    }
}
