use std::{
    fmt,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use tokenflight_core::{Time, grant::issuer};

use crate::{
    ClientAuth, EndpointError, TokenClient,
    address::secure,
    discovery::Metadata,
    limit,
    provider::{self, AssertionAudience, Provider},
    wire::{Form, Over, Proof, Wire},
};

/// An authorization server's token endpoint, seen by one client. Cloning shares the HTTP client.
///
/// Defaults: a public client without a name, an unknown provider (strict), HTTPS only.
#[derive(Clone)]
pub struct TokenEndpoint {
    pub(super) wire: Arc<dyn Wire>,
    pub(super) uri: Uri,
    pub(super) revocation: Option<Uri>,
    pub(super) auth: ClientAuth,
    pub(super) provider: &'static Provider,
    pub(super) headers: HeaderMap,
    pub(super) proof: Option<Proof>,
    pub(super) time: Option<Arc<dyn Time>>,
    pub(super) limit: Duration,
    /// Whether the server has refused what the client authenticated with the last time.
    pub(super) refused: Arc<AtomicBool>,
    refresh: Option<Uri>,
    authorization: Option<String>,
    device: Option<String>,
    /// The origin of the endpoint.
    origin: String,
    /// The server's name for itself, where it is known.
    issuer: Option<String>,
    /// Whether answers to authorization requests name the issuer (RFC 9207).
    names_issuer: bool,
    /// What every login and every request for tokens asks for, or those of one grant.
    asked: Vec<(String, String)>,
}

impl TokenEndpoint {
    /// A token endpoint and the HTTP client to reach it with.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] unless `url` is an absolute `https` URL without credentials and without a
    /// fragment; plain `http` is for loopback addresses.
    pub fn new(url: &str, client: impl TokenClient) -> Result<Self, EndpointError> {
        let uri = secure(url)?;
        Ok(Self {
            wire: Arc::new(Over::new(client)),
            origin: issuer::origin(url).ok_or(EndpointError::NotAUrl)?,
            issuer: None,
            names_issuer: false,
            uri,
            refresh: None,
            authorization: None,
            device: None,
            revocation: None,
            auth: ClientAuth::none(),
            provider: provider::UNKNOWN,
            headers: HeaderMap::new(),
            proof: None,
            time: None,
            limit: limit::EXCHANGE,
            refused: Arc::default(),
            asked: Vec::new(),
        })
    }

    /// The token endpoint of an authorization server that told about itself (RFC 8414), with its
    /// issuer and its other endpoints.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn discovered(metadata: &Metadata, client: impl TokenClient) -> Result<Self, EndpointError> {
        let mut endpoint = Self::new(metadata.token_endpoint(), client)?;
        endpoint.issuer = Some(metadata.issuer().to_owned());
        endpoint.names_issuer = metadata.names_issuer();
        endpoint.authorization = metadata.authorization_endpoint().map(str::to_owned);
        endpoint.device = metadata.device_authorization_endpoint().map(str::to_owned);
        endpoint.revocation = metadata.revocation_endpoint().map(secure).transpose()?;
        Ok(endpoint)
    }

    /// The token endpoint of a provider of the [table](crate::provider), with its other endpoints
    /// as far as they are listed.
    ///
    /// `place` is what the row's addresses are filled in with: the tenant (`"example"` for
    /// `example.okta.com`), or the beginning of the addresses, which is the issuer for servers of
    /// one's own (`"https://sso.example/realms/main"`). Providers without tenants ignore it.
    ///
    /// ```
    /// use tokenflight_oauth2::{ClientAuth, TokenClient, TokenEndpoint, provider};
    ///
    /// # fn example(client: impl TokenClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let okta = provider::find("okta").ok_or("no such provider")?;
    /// let grant = TokenEndpoint::preset(okta, "example", client)?.client(ClientAuth::public("me")).refresh_token();
    /// # let _ = grant;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`EndpointError::Unlisted`] if the row names no token endpoint, or needs a place; else as
    /// [`new`](Self::new).
    pub fn preset(provider: &'static Provider, place: &str, client: impl TokenClient) -> Result<Self, EndpointError> {
        let at = |template: Option<&str>| template.and_then(|template| provider.endpoints.fill(template, place));
        let listed = &provider.endpoints;
        let mut endpoint = Self::new(&at(listed.token).ok_or(EndpointError::Unlisted)?, client)?.provider(provider);
        endpoint.issuer = at(listed.issuer);
        endpoint.authorization = at(listed.authorization);
        endpoint.device = at(listed.device);
        endpoint.refresh = at(listed.refresh).as_deref().map(secure).transpose()?;
        endpoint.revocation = at(listed.revocation).as_deref().map(secure).transpose()?;
        Ok(endpoint)
    }

    /// How the client says who it is. Default: not at all.
    #[must_use]
    pub fn client(mut self, auth: ClientAuth) -> Self {
        self.auth = auth;
        self
    }

    /// What is known of the server. Default: [`provider::UNKNOWN`], which is strict.
    #[must_use]
    pub const fn provider(mut self, provider: &'static Provider) -> Self {
        self.provider = provider;
        self
    }

    /// Where unwanted refresh tokens are revoked at a logout (RFC 7009).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn revocation(mut self, url: &str) -> Result<Self, EndpointError> {
        self.revocation = Some(secure(url)?);
        Ok(self)
    }

    /// Whose tokens these are, if not the endpoint's origin: the issuer identifier of RFC 8414 §2.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// An API that tokens are for (RFC 8707), byte for byte. It goes with logins, code exchanges
    /// and every refresh, and may be called several times.
    #[must_use]
    pub fn resource(self, resource: impl Into<String>) -> Self {
        self.parameter("resource", resource)
    }

    /// The API that tokens are for, as Auth0 and others name it. It goes where
    /// [`resource`](Self::resource) goes.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.parameter("audience", audience)
    }

    /// Any other parameter for logins, code exchanges and every request for tokens. Each name is
    /// sent once, and the last value counts, `resource` excepted.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.asked.push((name.into(), value.into()));
        self
    }

    /// Adds a header to every token request: a project's key (Supabase), an API version (Notion).
    /// It counts as a secret.
    #[must_use]
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.insert(name, value);
        self
    }

    /// Adds what the HTTP client's errors prove: `true` only if nothing of the request can have
    /// been processed.
    ///
    /// [`Unsent`](crate::Unsent), a refused connection and, with the features `client` and `http2`,
    /// what hyper-util and h2 say are known.
    #[must_use]
    pub const fn proof(mut self, proves: fn(&(dyn std::error::Error + 'static)) -> bool) -> Self {
        self.proof = Some(proves);
        self
    }

    /// The clock that bounds what no session bounds: logins and revocations; and by which
    /// assertions have expired. Default: tokio's where the caller runs on tokio, none elsewhere.
    #[must_use]
    pub fn time(mut self, time: Arc<dyn Time>) -> Self {
        self.time = Some(time);
        self
    }

    /// How long one exchange of a login or a revocation may last. Default half a minute. Refreshes
    /// have the session's limit.
    #[must_use]
    pub const fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Where users say yes, if it was discovered or listed.
    #[must_use]
    pub fn authorization_endpoint(&self) -> Option<&str> {
        self.authorization.as_deref()
    }

    /// Where devices ask, if it was discovered or listed.
    #[must_use]
    pub fn device_authorization_endpoint(&self) -> Option<&str> {
        self.device.as_deref()
    }

    pub(crate) fn issued_by(&self) -> &str {
        self.issuer.as_deref().unwrap_or(&self.origin)
    }

    pub(crate) fn client_id(&self) -> Option<&str> {
        self.auth.id()
    }

    pub(crate) const fn known(&self) -> &'static Provider {
        self.provider
    }

    pub(crate) fn clock(&self) -> Option<&dyn Time> {
        self.time.as_deref()
    }

    pub(crate) fn asked(&self) -> &[(String, String)] {
        &self.asked
    }

    pub(crate) const fn token_uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn refresh_uri(&self) -> &Uri {
        self.refresh.as_ref().unwrap_or(&self.uri)
    }

    /// A form with what every request for tokens asks for.
    pub(crate) fn form(&self) -> Form {
        let mut form = Form::new();
        for (name, value) in self.provider.sends {
            form.ask_for(name, value);
        }
        for (name, value) in &self.asked {
            form.ask_for(name, value);
        }
        form
    }

    pub(super) fn assertion_audience(&self) -> String {
        match (self.provider.audience, &self.issuer) {
            (AssertionAudience::Issuer, Some(issuer)) => issuer.clone(),
            _ => self.uri.to_string(),
        }
    }
}

#[cfg(feature = "login")]
impl TokenEndpoint {
    /// The server's own name for itself, as it was discovered, told or listed.
    pub(crate) fn known_issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    pub(crate) const fn names_issuer(&self) -> bool {
        self.names_issuer
    }

    pub(crate) const fn exchange_limit(&self) -> Duration {
        self.limit
    }
}

impl fmt::Debug for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint")
            .field("host", &self.uri.host())
            .field("issuer", &self.issued_by())
            .field("client", &self.auth)
            .field("provider", &self.provider.name)
            .finish_non_exhaustive()
    }
}
