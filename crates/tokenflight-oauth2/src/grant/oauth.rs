use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

use tokenflight_core::{
    BoxFuture, FailureClass, Grant, GrantError, RefreshToken, Secret, TokenSet,
    grant::{Reason, ReusePolicy, TokenRequest},
};

use super::{
    assertion::{Refused, for_an_api},
    kind::Kind,
    streaks::Streaks,
};
use crate::{
    TokenEndpoint,
    auth::{Assertion, Source},
    endpoint::DatesRefused,
    wire::Form,
};

/// A token-endpoint grant: refresh token, client credentials, JWT bearer or token exchange. Made by
/// [`TokenEndpoint`].
///
/// Its reuse policy is the provider's unless the session is told another. Only a refresh token can
/// be ended: a refusal of the other grants is a matter of configuration, or of a clock, and the
/// next attempt may succeed.
pub struct OAuthGrant {
    endpoint: TokenEndpoint,
    kind: Kind,
    listener: Option<Listener>,
    streaks: Streaks,
    refused: Refused,
}

type Listener = Box<dyn Fn(&TokenSet) + Send + Sync>;

impl OAuthGrant {
    pub(super) fn new(endpoint: TokenEndpoint, kind: Kind) -> Self {
        let (streaks, refused) = (Streaks::default(), Refused::default());
        Self { endpoint, kind, listener: None, streaks, refused }
    }

    /// The scope to ask for, its words separated by spaces. A refresh asks for none by default and
    /// thereby for all that was granted; a scope can only narrow it.
    #[must_use]
    pub fn scope(self, scope: impl Into<String>) -> Self {
        self.parameter("scope", scope)
    }

    /// As [`TokenEndpoint::resource`], for the requests of this grant.
    #[must_use]
    pub fn resource(self, resource: impl Into<String>) -> Self {
        self.parameter("resource", resource)
    }

    /// As [`TokenEndpoint::audience`], for the requests of this grant.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.parameter("audience", audience)
    }

    /// As [`TokenEndpoint::parameter`], for the requests of this grant.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.endpoint = self.endpoint.parameter(name, value);
        self
    }

    /// Calls a function with every token set that the server sends, before it is used: for members
    /// that a session has no place for ([`TokenSet::extra_members`]), such as an `id_token` or
    /// Salesforce's `instance_url`.
    ///
    /// # Panics in callbacks
    ///
    /// A panic in it is caught and changes nothing: the tokens are not lost.
    #[must_use]
    pub fn on_tokens(mut self, listener: impl Fn(&TokenSet) + Send + Sync + 'static) -> Self {
        self.listener = Some(Box::new(listener));
        self
    }

    fn asked(&self, name: &str) -> Option<&str> {
        self.endpoint.asked().iter().rev().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// How long its source of assertions may take.
    pub(super) fn source_limit(&self) -> std::time::Duration {
        match &self.kind {
            Kind::JwtBearer(source) | Kind::Exchange { source, .. } => source.limit(),
            Kind::Refresh | Kind::ClientCredentials => std::time::Duration::ZERO,
        }
    }

    async fn form(&self, request: &TokenRequest) -> Result<(Form, Option<Secret>), GrantError> {
        let mut form = self.endpoint.form();
        form.set("grant_type", self.kind.as_str());
        let mut presented = None;
        match &self.kind {
            Kind::Refresh => {
                let token = request.refresh_token().ok_or_else(|| GrantError::config("there is no refresh token"))?;
                self.endpoint.known().withholds.iter().for_each(|name| form.remove(name));
                form.set("refresh_token", token.expose());
            }
            Kind::ClientCredentials => {}
            Kind::JwtBearer(source) => {
                let assertion = self.next_assertion(source, request).await?;
                form.set("assertion", assertion.expose());
                presented = Some(Secret::new(assertion.expose()));
            }
            Kind::Exchange { subject_type, source } => {
                let subject = self.next_assertion(source, request).await?;
                form.set("subject_token", subject.expose());
                form.set("subject_token_type", subject.kind_or(subject_type));
                presented = Some(Secret::new(subject.expose()));
            }
        }
        Ok((form, presented))
    }

    /// The next assertion, unless it is the refused one. That is presented again only when the user
    /// asks, and while the session has never had a token: the mistake may have been the server's.
    async fn next_assertion(&self, source: &Source, request: &TokenRequest) -> Result<Assertion, GrantError> {
        let (audience, endpoint) = self.endpoint.own_audience();
        let mut wanted = self.endpoint.wanted(&audience, &endpoint);
        wanted.refused = self.refused.any();
        wanted.forced = matches!(request.reason(), Reason::Forced | Reason::Load);
        let assertion = source.next(&wanted, self.endpoint.clock()).await?;
        if !wanted.forced {
            self.refused.check(&Secret::new(assertion.expose()))?;
        }
        Ok(assertion)
    }

    /// One request. What an exchange has issued is judged by what it is for.
    pub(super) async fn attempt(
        &self,
        request: &TokenRequest,
        issued: fn(TokenSet, Option<&str>) -> Result<TokenSet, GrantError>,
    ) -> Result<TokenSet, GrantError> {
        request.mark_unsent();
        let (form, assertion) = self.form(request).await?;
        let uri = match self.kind {
            Kind::Refresh => self.endpoint.refresh_uri(),
            _ => self.endpoint.token_uri(),
        };
        let heard = self.endpoint.ask(uri, &form, &|| request.mark_sent()).await;
        let verdict = heard.map(|heard| self.endpoint.judge(&heard));
        let clustered = self.needs_refresh_token() && self.endpoint.known().clustered;
        let set = self.streaks.count(verdict, request.refresh_token(), clustered);
        let set = set.map_err(|error| self.understood(error, assertion))?;
        self.refused.remember(None);
        let set = match self.kind {
            Kind::Exchange { .. } => issued(set, self.asked("requested_token_type"))?,
            _ => set,
        };
        if let Some(listener) = &self.listener {
            // The refresh token in it is the only one that lives.
            let _ = catch_unwind(AssertUnwindSafe(|| listener(&set)));
        }
        Ok(set)
    }

    /// What a failure means for this kind of grant.
    fn understood(&self, error: GrantError, assertion: Option<Secret>) -> GrantError {
        match (error.class(), &self.kind) {
            (FailureClass::Interaction, Kind::Refresh) => match self.asked("scope") {
                Some(scope) => error.scope(scope),
                None => error,
            },
            // There is no login that could be over, and none that could be asked to interact.
            (FailureClass::Terminal | FailureClass::Interaction, Kind::ClientCredentials) => {
                error.in_class(FailureClass::Config)
            }
            (FailureClass::Terminal | FailureClass::Interaction, Kind::JwtBearer(_) | Kind::Exchange { .. }) => {
                self.refused.remember(assertion);
                DatesRefused::explain(error.in_class(FailureClass::Config))
            }
            _ => error,
        }
    }
}

impl Grant for OAuthGrant {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(self.attempt(request, for_an_api))
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
            Kind::Refresh => Some(self.endpoint.known().reuse),
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
        f.debug_struct("OAuthGrant")
            .field("kind", &self.kind.as_str())
            .field("endpoint", &self.endpoint)
            .finish_non_exhaustive()
    }
}
