use std::time::Duration;

use http::Uri;
use tokenflight_core::{FailureClass, GrantError, RefreshToken};

use super::TokenEndpoint;
use crate::{answer::Verdict, limit, wire::Form};

/// How often a revocation is tried, the pause between, and how long the server may ask to wait.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(5);

impl TokenEndpoint {
    /// Revokes a refresh token, if it is known where (RFC 7009). A failure that passes is tried
    /// again, because a token that was not revoked lives on when its session is forgotten (§2.2.1);
    /// revoking twice does no harm.
    pub(crate) async fn revoke(&self, token: &RefreshToken) -> Result<(), GrantError> {
        let Some(uri) = &self.revocation else { return Ok(()) };
        let mut tries = 1;
        loop {
            let Err(error) = self.revoke_once(uri, token).await else { return Ok(()) };
            let wait = error.wait().unwrap_or(PAUSE);
            let again = tries < TRIES && wait <= LONGEST && is_passing(&error);
            if !again || !limit::pause(wait, self.time.as_deref()).await {
                return Err(error);
            }
            tries += 1;
        }
    }

    async fn revoke_once(&self, uri: &Uri, token: &RefreshToken) -> Result<(), GrantError> {
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

const fn is_passing(error: &GrantError) -> bool {
    matches!(error.class(), FailureClass::NotSent | FailureClass::Throttled | FailureClass::Ambiguous)
}

fn is_gone(error: &GrantError) -> bool {
    error.class() == FailureClass::Terminal
        || (error.class() == FailureClass::Config
            && matches!(error.error_code(), Some("invalid_token" | "token_revoked")))
}
