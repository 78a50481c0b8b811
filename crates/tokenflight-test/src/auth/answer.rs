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
    /// An answer with this status, body and `Retry-After`; for servers of your own.
    pub fn new(status: u16, body: impl Into<String>, retry_after: Option<Duration>) -> Self {
        Self { status, body: body.into(), retry_after }
    }

    pub(super) fn refusal(code: &str, description: &str) -> Self {
        Self::refusal_with(400, code, description)
    }

    pub(super) fn refusal_with(status: u16, code: &str, description: &str) -> Self {
        let mut body = Map::new();
        body.insert("error".into(), code.into());
        body.insert("error_description".into(), description.into());
        Self::new(status, Value::Object(body).to_string(), None)
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
    /// 429 is `Throttled`; 408, 409, 423 and 5xx but 501 and 511 are `Ambiguous`, as is a 200 that
    /// cannot be read; an `invalid_grant` in a 200 or 4xx is `Terminal`; everything else is
    /// `Config`. A 200 without an access token hands on the refresh token it may hold.
    pub fn result(&self) -> Result<TokenSet, GrantError> {
        let body: Value = serde_json::from_str(&self.body).unwrap_or(Value::Null);
        match self.status {
            200 if body.get("error").is_none() => read(&body),
            429 => Err(GrantError::throttled(self.retry_after)),
            408 | 409 | 423 | 500 | 502..=510 | 512.. => {
                let error = GrantError::new(FailureClass::Ambiguous);
                Err(match self.retry_after {
                    Some(after) => error.retry_after(after),
                    None => error,
                })
            }
            _ => Err(refused(&body)),
        }
    }
}

fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

fn read(body: &Value) -> Result<TokenSet, GrantError> {
    let Some(access) = text(body, "access_token") else {
        let error = GrantError::ambiguous("a token response without an access token");
        return Err(match text(body, "refresh_token") {
            Some(token) => error.rotated(RefreshToken::new(token)),
            None => error,
        });
    };
    let mut set = TokenSet::new(access);
    if let Some(token) = text(body, "refresh_token") {
        set = set.refresh_token(token);
    }
    let seconds = body.get("expires_in");
    if let Some(seconds) = seconds.and_then(|value| value.as_f64().or_else(|| value.as_str()?.parse().ok())) {
        set = set.expires_in_seconds(seconds);
    }
    if let Some(kind) = text(body, "token_type") {
        set = set.token_type(kind);
    }
    Ok(set)
}

fn refused(body: &Value) -> GrantError {
    let error = match text(body, "error") {
        Some(code @ "invalid_grant") => GrantError::terminal(code),
        Some(code @ ("slow_down" | "authorization_pending")) => GrantError::throttled(None).code(code),
        Some(code @ ("temporarily_unavailable" | "server_error")) => {
            GrantError::new(FailureClass::Ambiguous).code(code)
        }
        Some(code) => GrantError::new(FailureClass::Config).code(code),
        None => GrantError::config("the token endpoint refused without an error code"),
    };
    match text(body, "error_description") {
        Some(description) => error.description(description),
        None => error,
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
