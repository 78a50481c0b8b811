use std::{fmt, time::Duration};

use oauth2::StandardDeviceAuthorizationResponse as Granted;
use tokenflight_core::{FailureClass, GrantError, Time, TokenSet};

use super::{LoginError, tokens};
use crate::{
    TokenEndpoint,
    answer::Verdict,
    endpoint::{Form, secure},
};

/// A login on another device (RFC 8628): show the code, then wait.
///
/// ```no_run
/// use tokenflight_oauth2::{TokenEndpoint, login::DeviceLogin};
///
/// # async fn example(endpoint: TokenEndpoint, time: &dyn tokenflight_core::Time) -> Result<(), tokenflight_oauth2::login::LoginError> {
/// let login = DeviceLogin::start(&endpoint, "https://as.example/device", Some("read")).await?;
/// println!("Enter {} at {}", login.user_code(), login.verification_uri());
/// let tokens = login.wait(time).await?;
/// # let _ = tokens;
/// # Ok(())
/// # }
/// ```
pub struct DeviceLogin {
    endpoint: TokenEndpoint,
    granted: Granted,
}

/// RFC 8628 §3.5.
const SLOWER: Duration = Duration::from_secs(5);
/// A server may say that no pause is needed.
const FASTEST: Duration = Duration::from_secs(1);
/// Nobody waits longer between two questions, however often the network fails.
const SLOWEST: Duration = Duration::from_secs(60);

impl DeviceLogin {
    /// Asks for a code at the device authorization endpoint.
    ///
    /// # Errors
    ///
    /// [`LoginError`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the code, if there was one already.
    pub async fn start(endpoint: &TokenEndpoint, url: &str, scope: Option<&str>) -> Result<Self, LoginError> {
        Self::start_with(endpoint, url, scope, &[]).await
    }

    /// As [`start`](Self::start), with parameters of the provider's own, by name: Auth0 wants an `audience`.
    ///
    /// # Errors
    ///
    /// [`LoginError`].
    ///
    /// # Cancel safety
    ///
    /// As [`start`](Self::start).
    pub async fn start_with(
        endpoint: &TokenEndpoint,
        url: &str,
        scope: Option<&str>,
        parameters: &[(&str, &str)],
    ) -> Result<Self, LoginError> {
        let mut form = Form::new();
        for (name, value) in parameters {
            form.set((*name).to_owned(), value);
        }
        if let Some(id) = endpoint.client_id() {
            form.set("client_id", id);
        }
        if let Some(scope) = scope {
            form.set("scope", scope);
        }
        let reply = endpoint.ask_at(&secure(url)?, &form, &|| {}).await.map_err(|failed| failed.into_error())?;
        if !reply.status.is_success() {
            return Err(match endpoint.judge(&reply) {
                Verdict::Failed(error) | Verdict::Odd(error) => error.into(),
                Verdict::Tokens(_) => LoginError::Malformed("an error that brings tokens"),
            });
        }
        let body = reply.body.map_err(GrantError::ambiguous)?;
        let granted = serde_json::from_slice(&body);
        let granted = granted.map_err(|_| LoginError::Malformed("the answer is no device authorization response"))?;
        Ok(Self { endpoint: endpoint.clone(), granted })
    }

    /// What the user types.
    #[must_use]
    pub fn user_code(&self) -> &str {
        self.granted.user_code().secret()
    }

    /// Where the user types it.
    #[must_use]
    pub fn verification_uri(&self) -> &str {
        self.granted.verification_uri()
    }

    /// The same with the code in it, for a link or a picture.
    #[must_use]
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.granted.verification_uri_complete().map(|uri| uri.secret().as_str())
    }

    /// How long the code lives.
    #[must_use]
    pub fn expires_in(&self) -> Duration {
        self.granted.expires_in()
    }

    /// Asks until somebody has said yes or no, as slowly as the server wants.
    ///
    /// # Errors
    ///
    /// [`LoginError::Denied`], [`LoginError::Expired`], or what else speaks against it for good. Failures of the network
    /// are waited out.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have had the tokens already.
    pub async fn wait(&self, time: &dyn Time) -> Result<TokenSet, LoginError> {
        let form = Form::new()
            .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
            .with("device_code", self.granted.device_code().secret());
        let end = time.now().boot.saturating_add(self.expires_in());
        let mut interval = self.granted.interval().max(FASTEST);
        loop {
            time.sleep(interval).await;
            if time.now().boot >= end {
                return Err(LoginError::Expired);
            }
            let error = match tokens(self.endpoint.ask(&form, &|| {}).await) {
                Ok(set) => return Ok(set),
                Err(error) => error,
            };
            interval = match (error.error_code(), error.class()) {
                (Some("authorization_pending"), _) => interval,
                (Some("slow_down"), _) => interval.saturating_add(SLOWER),
                (Some("expired_token"), _) => return Err(LoginError::Expired),
                (Some(code @ "access_denied"), _) => return Err(LoginError::Denied(code.into())),
                (_, FailureClass::NotSent | FailureClass::Throttled | FailureClass::Ambiguous) => {
                    let longer = interval.saturating_mul(2).min(SLOWEST.max(interval));
                    error.wait().unwrap_or_default().max(longer)
                }
                _ => return Err(error.into()),
            };
        }
    }
}

impl fmt::Debug for DeviceLogin {
    /// Without the codes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceLogin").field("verification_uri", &self.verification_uri()).finish_non_exhaustive()
    }
}
