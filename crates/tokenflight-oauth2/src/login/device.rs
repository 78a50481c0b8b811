use std::{fmt, time::Duration};

use tokenflight_core::{FailureClass, GrantError, Secret, Time, TokenSet};

use super::{Denial, LoginError, error::tokens};
use crate::{
    TokenEndpoint,
    address::secure,
    answer::{self, Members},
    endpoint::{Failed, Heard},
    limit,
    wire::Form,
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
    device_code: Secret,
    user_code: String,
    verification_uri: String,
    complete: Option<String>,
    expires_in: Duration,
    interval: Duration,
    form: Form,
}

/// Between two polls, if the server names no interval; and so much more at each `slow_down` that
/// names none (RFC 8628 §3.5).
const STEP: Duration = Duration::from_secs(5);
/// A server may say that no pause is needed.
const FASTEST: Duration = Duration::from_secs(1);
/// No poll waits longer, however often the network fails.
const SLOWEST: Duration = Duration::from_secs(60);
/// A poll gets at least so much time, also if the code ends before: the tokens may be on their way.
const LEAST: Duration = Duration::from_secs(5);

impl DeviceLogin {
    /// Asks for a code at the device authorization endpoint, within the endpoint's
    /// [limit](TokenEndpoint::limit).
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

    /// As [`start`](Self::start), with the provider's parameters, by name: Auth0 wants `audience`.
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
        let uri = secure(url)?;
        let mut asked = endpoint.form();
        for (name, value) in parameters {
            asked.ask_for(name, value);
        }
        let mut form = asked.clone();
        if let Some(id) = endpoint.client_id() {
            form.set("client_id", id);
        }
        if let Some(scope) = scope {
            form.set("scope", scope);
        }
        let heard = endpoint.ask_within(&uri, &form).await?;
        // Also a success that names an error (GitHub).
        if let Some(error) = answer::fault(&heard.answer(), endpoint.known()) {
            return Err(error.into());
        }
        Self::granted(endpoint, &heard, asked).ok_or_else(|| {
            let coding = heard.reply.decoded.map(|coding| format!(" (after the content-encoding {coding} was undone)"));
            let coding = coding.unwrap_or_default();
            LoginError::malformed(format!("the answer is no device authorization response{coding}"))
        })
    }

    /// RFC 8628 §3.2, read as leniently as answers with tokens.
    fn granted(endpoint: &TokenEndpoint, heard: &Heard, asked: Form) -> Option<Self> {
        let body = heard.reply.body.as_ref().ok()?;
        let members = Members::read(body, &heard.reply.headers, endpoint.known())?;
        let text = |name: &str| members.text(name).map(std::borrow::Cow::into_owned);
        let seconds = |name: &str| {
            members.number(name).filter(|seconds| *seconds >= 0.0).map(|seconds| {
                // Longer than a duration can be is for ever.
                Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
            })
        };
        Some(Self {
            device_code: Secret::new(text("device_code")?),
            user_code: text("user_code")?,
            verification_uri: text("verification_uri").or_else(|| text("verification_url"))?,
            complete: text("verification_uri_complete").or_else(|| text("verification_url_complete")),
            expires_in: seconds("expires_in")?,
            interval: seconds("interval").unwrap_or(STEP).max(FASTEST),
            endpoint: endpoint.clone(),
            form: asked,
        })
    }

    /// What the user types.
    #[must_use]
    pub fn user_code(&self) -> &str {
        &self.user_code
    }

    /// Where the user types it.
    #[must_use]
    pub fn verification_uri(&self) -> &str {
        &self.verification_uri
    }

    /// The same with the code in it, for a link or a picture.
    #[must_use]
    pub fn verification_uri_complete(&self) -> Option<&str> {
        self.complete.as_deref()
    }

    /// How long the code lives.
    #[must_use]
    pub const fn expires_in(&self) -> Duration {
        self.expires_in
    }

    /// Asks until the user has said yes or no, as slowly as the server wants, and no longer than
    /// the code lives.
    ///
    /// # Errors
    ///
    /// [`LoginError::Denied`], [`LoginError::Expired`], or what else speaks against it for good.
    /// Failures of the network are waited out.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have had the tokens already.
    pub async fn wait(self, time: &dyn Time) -> Result<TokenSet, LoginError> {
        let form = self.form.clone();
        let form = form
            .with("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
            .with("device_code", self.device_code.expose());
        let end = time.now().boot.saturating_add(self.expires_in);
        let left = || end.saturating_sub(time.now().boot);
        let mut pace = Pace { interval: self.interval, next: self.interval };
        loop {
            time.sleep(pace.next.min(left())).await;
            if left().is_zero() {
                return Err(LoginError::Expired);
            }
            let limit = self.endpoint.exchange_limit().min(left().max(LEAST));
            let asked = self.endpoint.ask(self.endpoint.token_uri(), &form, &|| {});
            match limit::within(limit, limit::clock(self.endpoint.clock(), time), asked).await {
                Some(heard) => {
                    if let Some(set) = self.poll(heard, &mut pace)? {
                        return Ok(set);
                    }
                }
                None => pace.network(None),
            }
        }
    }

    /// `None`: ask again.
    fn poll(&self, heard: Result<Heard, Box<Failed>>, pace: &mut Pace) -> Result<Option<TokenSet>, LoginError> {
        let heard = match heard {
            Ok(heard) => heard,
            Err(failed) => match GrantError::from(*failed) {
                error if is_passing(error.class()) => {
                    pace.network(None);
                    return Ok(None);
                }
                error => return Err(error.into()),
            },
        };
        let error = match tokens(self.endpoint.judge(&heard)) {
            Ok(set) => return Ok(Some(set)),
            Err(error) => error,
        };
        match error.error_code() {
            Some("authorization_pending") => pace.next = pace.interval,
            Some("slow_down") => pace.slow_down(self.interval_in(&heard)),
            Some("expired_token") => return Err(LoginError::Expired),
            // The latter is Entra's word.
            Some(code @ ("access_denied" | "authorization_declined")) => {
                return Err(LoginError::Denied(Denial::new(code, error.error_description())));
            }
            _ if is_passing(error.class()) => pace.network(error.wait()),
            _ => return Err(error.into()),
        }
        Ok(None)
    }

    /// The interval that counts from now on, as GitHub names it beside `slow_down`.
    fn interval_in(&self, heard: &Heard) -> Option<Duration> {
        let body = heard.reply.body.as_ref().ok()?;
        let members = Members::read(body, &heard.reply.headers, self.endpoint.known())?;
        Duration::try_from_secs_f64(members.number("interval")?).ok()
    }
}

const fn is_passing(class: FailureClass) -> bool {
    matches!(class, FailureClass::NotSent | FailureClass::Throttled | FailureClass::Ambiguous)
}

/// How fast is asked.
struct Pace {
    interval: Duration,
    /// Before the next poll.
    next: Duration,
}

impl Pace {
    fn slow_down(&mut self, named: Option<Duration>) {
        let slower = named.unwrap_or_else(|| self.interval.saturating_add(STEP));
        self.interval = slower.max(self.interval);
        self.next = self.interval;
    }

    /// A failure that passes. A time that the server names moves one poll; without one all later
    /// polls are slower (RFC 8628 §3.5).
    fn network(&mut self, named: Option<Duration>) {
        match named {
            Some(after) => self.next = after.max(self.interval),
            None => {
                self.interval = self.interval.saturating_mul(2).min(SLOWEST.max(self.interval));
                self.next = self.interval;
            }
        }
    }
}

impl fmt::Debug for DeviceLogin {
    /// Without the codes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceLogin").field("verification_uri", &self.verification_uri).finish_non_exhaustive()
    }
}
