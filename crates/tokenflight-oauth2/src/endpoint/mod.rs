//! Where a token request goes, and as whom.

mod form;
mod proof;
mod wire;

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use tokenflight_core::{GrantError, RefreshToken};

pub(crate) use self::{
    form::Form,
    wire::{Broken, Reply, Wire},
};
use self::{proof::Proof, wire::Over};
pub use self::{proof::Unsent, wire::TokenClient};
use crate::{
    ClientAuth, OAuthGrant,
    answer::{self, Answer},
    discovery::Metadata,
    grant::Kind,
    provider::{self, Provider},
};

/// An authorization server's token endpoint, seen by one client. Cloning shares the HTTP client.
///
/// Defaults: a public client without a name, an unknown provider (strict), HTTPS only.
#[derive(Clone)]
pub struct TokenEndpoint {
    wire: Arc<dyn Wire>,
    uri: Uri,
    revocation: Option<Uri>,
    /// The origin of the endpoint.
    origin: String,
    /// The server's name for itself, where it is known.
    issuer: Option<String>,
    auth: ClientAuth,
    provider: &'static Provider,
    headers: HeaderMap,
    proof: Option<Proof>,
}

impl TokenEndpoint {
    /// A token endpoint and the HTTP client to reach it with.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] unless `url` is an absolute `https` URL without credentials and without a fragment; plain `http` is
    /// for loopback addresses.
    pub fn new(url: &str, client: impl TokenClient) -> Result<Self, EndpointError> {
        let uri = secure(url)?;
        Ok(Self {
            wire: Arc::new(Over::new(client)),
            origin: origin(&uri),
            issuer: None,
            uri,
            revocation: None,
            auth: ClientAuth::none(),
            provider: provider::UNKNOWN,
            headers: HeaderMap::new(),
            proof: None,
        })
    }

    /// The token endpoint of an authorization server that told about itself (RFC 8414), with its issuer and its revocation
    /// endpoint.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn discovered(metadata: &Metadata, client: impl TokenClient) -> Result<Self, EndpointError> {
        let mut endpoint = Self::new(metadata.token_endpoint(), client)?;
        endpoint.issuer = Some(metadata.issuer().to_owned());
        match metadata.revocation_endpoint() {
            Some(url) => endpoint.revocation(url),
            None => Ok(endpoint),
        }
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

    /// Whose tokens these are, if it is not the endpoint's origin: the issuer identifier of RFC 8414 §2.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Adds a header to every token request: a project's key (Supabase), an API version (Notion). It counts as a secret.
    #[must_use]
    pub fn header(mut self, name: HeaderName, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.headers.insert(name, value);
        self
    }

    /// Adds what the HTTP client's errors prove: `true` only if nothing of the request can have been processed.
    ///
    /// [`Unsent`], a refused connection and, with the features `client` and `http2`, what hyper-util and h2 say are known.
    #[must_use]
    pub const fn proof(mut self, proves: fn(&(dyn std::error::Error + 'static)) -> bool) -> Self {
        self.proof = Some(proves);
        self
    }

    /// Renewal by refresh tokens (RFC 6749 §6).
    #[must_use]
    pub fn refresh_token(self) -> OAuthGrant {
        OAuthGrant::new(self, Kind::Refresh)
    }

    /// Tokens for the client itself (RFC 6749 §4.4). Needs no login.
    #[must_use]
    pub fn client_credentials(self) -> OAuthGrant {
        OAuthGrant::new(self, Kind::ClientCredentials)
    }

    /// Tokens for an assertion that `source` makes, a fresh one for each attempt (RFC 7523 §2.1, R-161). Needs no login.
    #[must_use]
    pub fn jwt_bearer<F>(self, source: F) -> OAuthGrant
    where
        F: AsyncSource,
    {
        OAuthGrant::new(self, Kind::JwtBearer(Arc::new(source)))
    }

    /// Tokens for another token that `source` hands over, of a type such as
    /// `urn:ietf:params:oauth:token-type:access_token` (RFC 8693). Needs no login.
    #[must_use]
    pub fn token_exchange<F>(self, subject_token_type: impl Into<String>, source: F) -> OAuthGrant
    where
        F: AsyncSource,
    {
        OAuthGrant::new(self, Kind::Exchange { subject_type: subject_token_type.into(), source: Arc::new(source) })
    }

    pub(crate) fn issued_by(&self) -> &str {
        self.issuer.as_deref().unwrap_or(&self.origin)
    }

    /// The server's own name for itself, as it was discovered or told.
    #[cfg(feature = "login")]
    pub(crate) fn known_issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    pub(crate) fn client_id(&self) -> Option<&str> {
        self.auth.id()
    }

    pub(crate) const fn known(&self) -> &'static Provider {
        self.provider
    }

    /// Sends one form to the token endpoint. `sent` is called when the first byte may leave.
    pub(crate) async fn ask(
        &self,
        form: &Form,
        sent: &(dyn Fn() + Send + Sync),
    ) -> Result<answer::Verdict, Box<Failed>> {
        self.ask_at(&self.uri, form, sent).await.map(|reply| self.judge(&reply))
    }

    /// Sends one form to an endpoint of this server.
    pub(crate) async fn ask_at(
        &self,
        uri: &Uri,
        form: &Form,
        sent: &(dyn Fn() + Send + Sync),
    ) -> Result<Reply, Box<Failed>> {
        let mut reply = self.post(uri, form, sent).await?;
        if matches!(reply, Err(Broken::GivenBack(_))) {
            // The server gave it back, so this is still the first submission that it may process (T-08).
            reply = self.post(uri, form, sent).await?;
        }
        reply.map_err(|broken| Box::new(Failed::Broken(broken)))
    }

    pub(crate) fn judge(&self, reply: &Reply) -> answer::Verdict {
        answer::judge(&Answer::new(reply.status, &reply.headers, &reply.body), self.provider)
    }

    /// Revokes a refresh token, if it is known where (RFC 7009).
    pub(crate) async fn revoke(&self, token: &RefreshToken) -> Result<(), GrantError> {
        let Some(uri) = &self.revocation else { return Ok(()) };
        let form = Form::new().with("token", token.expose()).with("token_type_hint", "refresh_token");
        let reply = self.ask_at(uri, &form, &|| {}).await.map_err(|failed| failed.into_error())?;
        // 200 also says that the token was unknown; anything else says that it may still be alive.
        if reply.status.is_success() {
            return Ok(());
        }
        match self.judge(&reply) {
            answer::Verdict::Tokens(_) => Ok(()),
            answer::Verdict::Failed(error) | answer::Verdict::Odd(error) => Err(error),
        }
    }

    async fn post(
        &self,
        uri: &Uri,
        form: &Form,
        sent: &(dyn Fn() + Send + Sync),
    ) -> Result<Result<Reply, Broken>, Box<Failed>> {
        let mut headers = self.headers.clone();
        let mut form = form.clone();
        self.auth.apply(&mut form, &mut headers, &self.audience()).map_err(|error| Box::new(Failed::Local(error)))?;
        let (content_type, body) = form.encode(self.provider.body);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        // No bombs.
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(AGENT));
        let mut request = Request::new(Full::new(Bytes::from_owner(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        Ok(self.wire.send(request, self.proof, sent).await)
    }

    /// Whom assertions are made for: the issuer, which is the token endpoint itself where nothing else is known.
    fn audience(&self) -> String {
        self.issuer.clone().unwrap_or_else(|| self.uri.to_string())
    }
}

const AGENT: &str = concat!("tokenflight/", env!("CARGO_PKG_VERSION"));

/// Why a token request brought no answer.
#[derive(Debug)]
pub(crate) enum Failed {
    /// Before it was sent (T-11).
    Local(GrantError),
    Broken(Broken),
}

impl Failed {
    pub(crate) fn into_error(self) -> GrantError {
        match self {
            Self::Local(error) => error,
            Self::Broken(broken) => answer::broken(broken),
        }
    }
}

/// A client without its types.
pub(crate) fn over(client: impl TokenClient) -> impl Wire {
    Over::new(client)
}

/// Makes a secret that a token request carries: an assertion, or the token to exchange. Implemented for async functions.
pub trait AsyncSource: Send + Sync + 'static {
    /// The next one. An error counts as not sent (T-11).
    fn next(&self) -> tokenflight_core::BoxFuture<'_, Result<String, crate::BoxError>>;
}

impl<F, Fut> AsyncSource for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<String, crate::BoxError>> + Send + 'static,
{
    fn next(&self) -> tokenflight_core::BoxFuture<'_, Result<String, crate::BoxError>> {
        Box::pin(self())
    }
}

/// An `https` URL, or an `http` one on loopback.
pub(crate) fn secure(url: &str) -> Result<Uri, EndpointError> {
    let uri: Uri = url.parse().map_err(|_| EndpointError::NotAUrl)?;
    let authority = uri.authority().ok_or(EndpointError::NotAUrl)?;
    if authority.as_str().contains('@') || url.contains('#') {
        return Err(EndpointError::NotAUrl);
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if is_loopback(authority.host()) => Ok(uri),
        _ => Err(EndpointError::Insecure),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn origin(uri: &Uri) -> String {
    format!("{}://{}", uri.scheme_str().unwrap_or("https"), uri.authority().map_or("", |authority| authority.as_str()))
}

/// Why a URL is no place to send secrets to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is not an absolute URL, or it holds credentials or a fragment.
    NotAUrl,
    /// It is not `https`, nor `http` on loopback.
    Insecure,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAUrl => "not an absolute URL without credentials and fragment",
            Self::Insecure => "neither https nor http on loopback",
        })
    }
}

impl std::error::Error for EndpointError {}

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
