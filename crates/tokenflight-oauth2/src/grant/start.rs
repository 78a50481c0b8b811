use super::{OAuthGrant, kind::Kind};
use crate::{
    TokenEndpoint,
    auth::{Assertions, Source},
};

impl TokenEndpoint {
    /// Renewal by refresh tokens (RFC 6749 §6).
    #[must_use]
    pub fn refresh_token(self) -> OAuthGrant {
        OAuthGrant::new(self, Kind::Refresh)
    }

    /// Tokens for the client itself (RFC 6749 §4.4). Needs no login.
    ///
    /// ```no_run
    /// use tokenflight::Session;
    /// use tokenflight_oauth2::{ClientAuth, TokenClient, TokenEndpoint};
    ///
    /// # async fn example(client: impl TokenClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let grant = TokenEndpoint::new("https://as.example.com/token", client)?
    ///     .client(ClientAuth::basic("client-id", "client-secret"))
    ///     .client_credentials()
    ///     .scope("read");
    /// // The default store will do: a new process asks for a new token.
    /// let session = Session::builder(grant).build()?;
    ///
    /// // The first token is obtained here, or by a driver.
    /// let token = session.token().await?;
    /// # let _ = token;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn client_credentials(self) -> OAuthGrant {
        OAuthGrant::new(self, Kind::ClientCredentials)
    }

    /// Tokens for an assertion that `source` hands out, asked for each attempt (RFC 7523 §2.1).
    /// Needs no login.
    #[must_use]
    pub fn jwt_bearer(self, source: impl Assertions) -> OAuthGrant {
        OAuthGrant::new(self, Kind::JwtBearer(Source::new(source)))
    }

    /// Tokens for another token that `source` hands over, of a type such as
    /// `urn:ietf:params:oauth:token-type:access_token` (RFC 8693). Needs no login.
    #[must_use]
    pub fn token_exchange(self, subject_token_type: impl Into<String>, source: impl Assertions) -> OAuthGrant {
        OAuthGrant::new(self, Kind::Exchange { subject_type: subject_token_type.into(), source: Source::new(source) })
    }
}
