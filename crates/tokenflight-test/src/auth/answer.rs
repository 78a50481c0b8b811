use std::{fmt, time::Duration};

use serde_json::{Map, Value};
use tokenflight_core::{FailureClass, GrantError, RefreshToken, TokenSet};

/// What the token endpoint answers: status, body, and how a well-behaved client reads them.
///
/// `Debug` shows no body: it holds tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    status: u16,
    body: String,
    retry_after: Option<Duration>,
}

impl Answer {
    /// An answer with this status and body.
    pub(super) fn new(status: u16, body: impl Into<String>, retry_after: Option<Duration>) -> Self {
        Self { status, body: body.into(), retry_after }
    }

    pub(super) fn refusal(code: &str, description: &str) -> Self {
        let mut body = Map::new();
        body.insert("error".into(), code.into());
        body.insert("error_description".into(), description.into());
        Self::new(400, Value::Object(body).to_string(), None)
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The body, JSON unless a fault says otherwise.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }

    /// What the `Retry-After` header says.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// What a client makes of the answer.
    ///
    /// # Errors
    ///
    /// 429 is `Throttled`, 5xx and an unreadable 200 are `Ambiguous`, 4xx with `invalid_grant` is `Terminal`, everything
    /// else is `Config`. A 200 without an access token hands on the refresh token it may hold.
    pub fn result(&self) -> Result<TokenSet, GrantError> {
        let body: Value = serde_json::from_str(&self.body).unwrap_or(Value::Null);
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        match self.status {
            200 => {
                let Some(access) = text("access_token") else {
                    let error = GrantError::ambiguous("a token response without an access token");
                    return Err(match text("refresh_token") {
                        Some(token) => error.rotated(RefreshToken::new(token)),
                        None => error,
                    });
                };
                let mut set = TokenSet::new(access);
                if let Some(token) = text("refresh_token") {
                    set = set.refresh_token(token);
                }
                if let Some(seconds) = body.get("expires_in").and_then(Value::as_f64) {
                    set = set.expires_in_seconds(seconds);
                }
                if let Some(kind) = text("token_type") {
                    set = set.token_type(kind);
                }
                Ok(set)
            }
            429 => Err(GrantError::throttled(self.retry_after)),
            500.. => {
                let error = GrantError::new(FailureClass::Ambiguous);
                Err(match self.retry_after {
                    Some(after) => error.retry_after(after),
                    None => error,
                })
            }
            _ => {
                let error = match text("error") {
                    Some(code @ "invalid_grant") => GrantError::terminal(code),
                    Some(code) => GrantError::new(FailureClass::Config).code(code),
                    None => GrantError::config("the token endpoint refused without an error code"),
                };
                Err(match text("error_description") {
                    Some(description) => error.description(description),
                    None => error,
                })
            }
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}
