use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use serde::Deserialize;
use tokenflight_core::{
    BoxFuture, FailureClass, Grant, GrantError, Secret, Time, TokenSet,
    grant::{Reason, ReusePolicy, TokenRequest, issuer},
};
use zeroize::Zeroizing;

use crate::{
    EndpointError, TokenClient,
    address::secure,
    answer::{Answer, Verdict, judge},
    auth::{Assertions, Source, Wanted},
    provider,
    wire::{Over, Reply, Wire},
};

/// The tokens of a service account, for a caller that may impersonate it: `generateAccessToken` of
/// the IAM credentials API.
///
/// The caller's own token comes from a source asked at each attempt, such as
/// [`OAuthGrant::assertion`](crate::OAuthGrant::assertion). Needs no login; no refusal ends it.
pub struct Impersonated {
    wire: Arc<dyn Wire>,
    uri: Uri,
    origin: String,
    caller: Source,
    scopes: Vec<String>,
    delegates: Vec<String>,
    lifetime: Duration,
    time: Arc<dyn Time>,
}

impl Impersonated {
    /// The service account behind this address, which ends in `:generateAccessToken`, for what
    /// `caller` hands out.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] unless the address is `https`, or `http` on loopback.
    pub fn new(
        url: &str,
        caller: impl Assertions,
        client: impl TokenClient,
        time: Arc<dyn Time>,
    ) -> Result<Self, EndpointError> {
        Ok(Self {
            wire: Arc::new(Over::new(client)),
            uri: secure(url)?,
            origin: issuer::origin(url).ok_or(EndpointError::NotAUrl)?,
            caller: Source::new(caller),
            scopes: Vec::new(),
            delegates: Vec::new(),
            lifetime: Duration::from_secs(3_600),
            time,
        })
    }

    /// What the tokens may do: scopes separated by spaces. The service wants at least one.
    #[must_use]
    pub fn scope(mut self, scope: impl AsRef<str>) -> Self {
        self.scopes.extend(scope.as_ref().split_whitespace().map(str::to_owned));
        self
    }

    /// A service account in the chain between the caller and this one, in order.
    #[must_use]
    pub fn delegate(mut self, account: impl Into<String>) -> Self {
        self.delegates.push(account.into());
        self
    }

    /// How long a token shall live. Default an hour, which is the most that the service grants
    /// unless it is set up otherwise.
    #[must_use]
    pub const fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    async fn attempt(&self, request: &TokenRequest) -> Result<TokenSet, GrantError> {
        request.mark_unsent();
        let endpoint = self.uri.to_string();
        let mut wanted = Wanted::new(&self.origin, &endpoint).at(self.time.now().wall);
        wanted.forced = matches!(request.reason(), Reason::Forced | Reason::Load);
        let caller = self.caller.next(&wanted, Some(&*self.time)).await?;
        let bearer = Zeroizing::new(format!("Bearer {}", caller.expose()));
        let mut bearer = HeaderValue::from_str(&bearer).map_err(GrantError::config)?;
        bearer.set_sensitive(true);
        let body = serde_json::json!({
            "delegates": self.delegates,
            "scope": self.scopes,
            "lifetime": format!("{}s", self.lifetime.as_secs()),
        });
        let mut sent = Request::new(Full::new(Bytes::from(body.to_string())));
        *sent.method_mut() = Method::POST;
        *sent.uri_mut() = self.uri.clone();
        let headers = sent.headers_mut();
        headers.insert(header::AUTHORIZATION, bearer);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let reply = self.wire.send(sent, None, &|| request.mark_sent()).await?;
        self.understood(&reply, Secret::new(caller.expose()))
    }

    fn understood(&self, reply: &Reply, caller: Secret) -> Result<TokenSet, GrantError> {
        let secrets = [caller];
        let answer = Answer::new(reply.status, &reply.headers, &reply.body).hiding(&secrets);
        match judge(&answer, provider::UNKNOWN) {
            // There is no login that could be over, or that could be asked to interact.
            Verdict::Failed(error) if matches!(error.class(), FailureClass::Terminal | FailureClass::Interaction) => {
                Err(error.in_class(FailureClass::Config))
            }
            Verdict::Failed(error) => Err(error),
            // Its members are not those of RFC 6749.
            Verdict::Tokens(_) | Verdict::Odd(_) => self.tokens(reply),
        }
    }

    fn tokens(&self, reply: &Reply) -> Result<TokenSet, GrantError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Generated {
            access_token: Zeroizing<String>,
            expire_time: String,
        }
        let generated = reply.body.as_ref().ok().and_then(|body| serde_json::from_slice::<Generated>(body).ok());
        let Some(Generated { access_token, expire_time }) = generated else {
            return Err(GrantError::ambiguous("the answer has no `accessToken` with an `expireTime`"));
        };
        let set = TokenSet::new(access_token.as_str());
        let end = super::rfc3339::seconds(&expire_time);
        // By the server's own clock where it tells it. Longer than was asked for is a wrong clock.
        let now = dated(&reply.headers).unwrap_or_else(|| self.time.now().wall);
        Ok(match end {
            Some(end) => set.expires_in(end.saturating_sub(now).min(self.lifetime)),
            None => set.expires_in(self.lifetime),
        })
    }
}

/// When the answer was made (RFC 9110 §6.6.1), since 1970.
fn dated(headers: &HeaderMap) -> Option<Duration> {
    let date = httpdate::parse_http_date(headers.get(header::DATE)?.to_str().ok()?).ok()?;
    date.duration_since(SystemTime::UNIX_EPOCH).ok()
}

impl Grant for Impersonated {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(self.attempt(request))
    }

    fn needs_refresh_token(&self) -> bool {
        false
    }

    fn issuer(&self) -> Option<&str> {
        Some(&self.origin)
    }

    fn reuse_policy(&self) -> Option<ReusePolicy> {
        // Nothing is used up by asking again.
        Some(ReusePolicy::NonRotating)
    }
}

impl fmt::Debug for Impersonated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Impersonated").field("uri", &self.uri).field("scopes", &self.scopes).finish_non_exhaustive()
    }
}
