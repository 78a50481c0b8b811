use tokenflight_core::{FailureClass, GrantError, RefreshToken};

use super::TokenEndpoint;
use crate::{answer::Verdict, wire::Form};

impl TokenEndpoint {
    /// Revokes a refresh token, if it is known where (RFC 7009).
    pub(crate) async fn revoke(&self, token: &RefreshToken) -> Result<(), GrantError> {
        let Some(uri) = &self.revocation else { return Ok(()) };
        let form = Form::new().with("token", token.expose()).with("token_type_hint", "refresh_token");
        let heard = self.ask_within(uri, &form).await?;
        match self.judge(&heard) {
            // What the server calls dead is dead (§2.2): there is nothing left to revoke.
            Verdict::Failed(error) if is_gone(&error) => Ok(()),
            // Also a success that names an error: the token may still be alive.
            Verdict::Failed(error) => Err(error),
            // A success, whatever it says else: usually nothing.
            Verdict::Tokens(_) | Verdict::Odd(_) => Ok(()),
        }
    }
}

fn is_gone(error: &GrantError) -> bool {
    error.class() == FailureClass::Terminal
        || (error.class() == FailureClass::Config
            && matches!(error.error_code(), Some("invalid_token" | "token_revoked")))
}
