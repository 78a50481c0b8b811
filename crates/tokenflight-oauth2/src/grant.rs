//! What a token request asks for.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use tokenflight_core::{
    BoxFuture, FailureClass, Grant, GrantError, RefreshToken, TokenSet, grant::ReusePolicy, grant::TokenRequest,
};

use crate::{
    TokenEndpoint,
    answer::Verdict,
    endpoint::{AsyncSource, Broken, Failed, Form},
};

/// A token-endpoint grant: refresh token, client credentials, JWT bearer or token exchange. Made by [`TokenEndpoint`].
///
/// Its replay policy is the provider's unless the session is told another.
pub struct OAuthGrant {
    endpoint: TokenEndpoint,
    kind: Kind,
    extra: Vec<(String, String)>,
    listener: Option<Listener>,
    streaks: Streaks,
}

type Listener = Box<dyn Fn(&TokenSet) + Send + Sync>;

#[derive(Clone)]
pub(crate) enum Kind {
    Refresh,
    ClientCredentials,
    JwtBearer(Arc<dyn AsyncSource>),
    Exchange { subject_type: String, source: Arc<dyn AsyncSource> },
}

/// What several answers in a row add up to.
#[derive(Default)]
struct Streaks {
    /// Successes without tokens (T-25, T-26).
    odd: AtomicU8,
    /// Failed TLS handshakes (T-03).
    tls: AtomicU8,
    /// The refresh token whose end the server has announced once.
    announced: Mutex<Option<RefreshToken>>,
}

/// Three answers without tokens are no accident (T-25, T-26); neither are more than three failed handshakes (T-03).
const ACCIDENTS: u8 = 3;
/// How long a server of several machines gets to make up its mind.
const CONFIRM: Duration = Duration::from_secs(30);

impl OAuthGrant {
    pub(crate) fn new(endpoint: TokenEndpoint, kind: Kind) -> Self {
        Self { endpoint, kind, extra: Vec::new(), listener: None, streaks: Streaks::default() }
    }

    /// The scope to ask for, its words separated by spaces. A refresh asks for none by default and thereby for all that
    /// was granted; a scope can only narrow it.
    #[must_use]
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.parameter("scope", scope)
    }

    /// The API that the token is for (RFC 8707).
    #[must_use]
    pub fn resource(self, resource: impl Into<String>) -> Self {
        self.parameter("resource", resource)
    }

    /// The API that the token is for, as Auth0 and token exchange name it.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.parameter("audience", audience)
    }

    /// Any other parameter. Each name is sent once; the last value counts.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra.push((name.into(), value.into()));
        self
    }

    /// Calls a function with every token set that the server sends, before anybody uses it: for members that a session
    /// has no place for ([`TokenSet::extra_members`]), such as an `id_token` or Salesforce's `instance_url`.
    ///
    /// # Panics in callbacks
    ///
    /// A panic in it is caught and changes nothing: the tokens are not lost.
    #[must_use]
    pub fn on_tokens(mut self, listener: impl Fn(&TokenSet) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    async fn form(&self, request: &TokenRequest) -> Result<Form, GrantError> {
        let mut form = Form::new();
        for (name, value) in &self.extra {
            form.set(name.clone(), value);
        }
        Ok(match &self.kind {
            Kind::Refresh => {
                let token = request.refresh_token().ok_or_else(|| GrantError::config("there is no refresh token"))?;
                form.with("grant_type", "refresh_token").with("refresh_token", token.expose())
            }
            Kind::ClientCredentials => form.with("grant_type", "client_credentials"),
            Kind::JwtBearer(source) => {
                let assertion = source.next().await.map_err(GrantError::not_sent)?;
                form.with("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer").with("assertion", &assertion)
            }
            Kind::Exchange { subject_type, source } => {
                let subject = source.next().await.map_err(GrantError::not_sent)?;
                form.with("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange")
                    .with("subject_token", &subject)
                    .with("subject_token_type", subject_type)
            }
        })
    }

    async fn attempt(&self, request: &TokenRequest) -> Result<TokenSet, GrantError> {
        request.mark_unsent();
        let form = self.form(request).await?;
        let verdict = self.endpoint.ask(&form, &|| request.mark_sent()).await;
        let set = self.streaks.count(verdict, request.refresh_token(), self.endpoint.known().clustered)?;
        if let Some(listener) = &self.listener {
            // The refresh token in it is the only one that lives.
            let _ = catch_unwind(AssertUnwindSafe(|| listener(&set)));
        }
        Ok(set)
    }
}

impl Streaks {
    fn count(
        &self,
        verdict: Result<Verdict, Box<Failed>>,
        presented: Option<&RefreshToken>,
        clustered: bool,
    ) -> Result<TokenSet, GrantError> {
        let more = |streak: &AtomicU8| streak.fetch_add(1, Ordering::Relaxed).saturating_add(1).min(ACCIDENTS + 1);
        let verdict = match verdict {
            Err(failed) => {
                return Err(match *failed {
                    Failed::Broken(Broken::Tls(error)) if more(&self.tls) > ACCIDENTS => GrantError::config(error),
                    failed => failed.into_error(),
                });
            }
            Ok(verdict) => verdict,
        };
        self.tls.store(0, Ordering::Relaxed);
        if !matches!(verdict, Verdict::Odd(_)) {
            self.odd.store(0, Ordering::Relaxed);
        }
        match verdict {
            Verdict::Tokens(set) => {
                *self.announced.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Ok(set)
            }
            Verdict::Odd(error) if more(&self.odd) >= ACCIDENTS => Err(in_class(FailureClass::Config, error)),
            Verdict::Failed(error) if clustered && error.class() == FailureClass::Terminal => {
                Err(self.confirm(error, presented))
            }
            Verdict::Failed(error) | Verdict::Odd(error) => Err(error),
        }
    }

    /// The first announcement of an end is asked again after half a minute; the second one counts.
    fn confirm(&self, error: GrantError, presented: Option<&RefreshToken>) -> GrantError {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        if presented.is_none() || announced.as_ref() == presented {
            *announced = None;
            return error;
        }
        *announced = presented.cloned();
        in_class(FailureClass::Config, error).retry_after(CONFIRM)
    }
}

/// The same failure in another class.
fn in_class(class: FailureClass, error: GrantError) -> GrantError {
    let mut other = GrantError::new(class);
    if let Some(code) = error.error_code() {
        other = other.code(code);
    }
    if let Some(token) = error.rotated_token() {
        other = other.rotated(token.clone());
    }
    other.source(error)
}

impl Grant for OAuthGrant {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(self.attempt(request))
    }

    fn needs_refresh_token(&self) -> bool {
        matches!(self.kind, Kind::Refresh)
    }

    fn issuer(&self) -> Option<&str> {
        Some(self.endpoint.issued_by())
    }

    fn client_id(&self) -> Option<&str> {
        self.endpoint.client_id()
    }

    fn reuse_policy(&self) -> Option<ReusePolicy> {
        match self.kind {
            Kind::Refresh => Some(self.endpoint.known().reuse_policy()),
            // Nothing is used up by asking again.
            _ => Some(ReusePolicy::NonRotating),
        }
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        Box::pin(self.endpoint.revoke(token))
    }
}

impl fmt::Debug for OAuthGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Refresh => "refresh_token",
            Kind::ClientCredentials => "client_credentials",
            Kind::JwtBearer(_) => "jwt-bearer",
            Kind::Exchange { .. } => "token-exchange",
        };
        f.debug_struct("OAuthGrant").field("kind", &kind).field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
