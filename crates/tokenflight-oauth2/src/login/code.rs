use std::fmt;

use form_urlencoded::Serializer;
use tokenflight_core::{Secret, TokenSet};

use super::{Callback, LoginError, error::tokens, pending::Pending};
use crate::{TokenEndpoint, address::secure};

/// A login in a browser: an authorization code with PKCE (RFC 6749 §4.1, RFC 7636).
///
/// A web server begins it in one request and ends it in another, perhaps in another process:
///
/// ```no_run
/// use tokenflight_core::Secret;
/// use tokenflight_oauth2::{TokenEndpoint, login::{Callback, CodeLogin, LoginError}};
///
/// # async fn example(endpoint: TokenEndpoint, query: &str) -> Result<(), LoginError> {
/// let login = CodeLogin::start(&endpoint, "https://as.example/authorize", "https://app.example/callback", None)?;
/// let stored: Secret = login.store(); // Sealed, into a cookie or a table, beside the visitor's session.
/// // … the browser goes to `login.url()` and comes back with `query` …
/// let tokens = CodeLogin::resume(&endpoint, &stored)?.finish(Callback::parse(query)).await?;
/// # let _ = tokens;
/// # Ok(())
/// # }
/// ```
pub struct CodeLogin {
    endpoint: TokenEndpoint,
    url: String,
    pending: Pending,
}

/// What is said once and for all when the user is asked, and means nothing to the token endpoint
/// (OpenID Connect Core §3.1.2.1, RFC 6749 §4.1.1, and Google's own).
const ONLY_ASKED: &[&str] = &[
    "access_type",
    "acr_values",
    "display",
    "domain_hint",
    "id_token_hint",
    "include_granted_scopes",
    "login_hint",
    "max_age",
    "nonce",
    "prompt",
    "response_mode",
    "ui_locales",
];

impl CodeLogin {
    /// Prepares a login: a fresh state and PKCE verifier. What the endpoint asks for goes along.
    ///
    /// # Errors
    ///
    /// [`LoginError::Address`] for the authorization endpoint's URL, [`LoginError::Io`] without
    /// randomness.
    pub fn start(
        endpoint: &TokenEndpoint,
        authorization_url: &str,
        redirect_uri: impl Into<String>,
        scope: Option<&str>,
    ) -> Result<Self, LoginError> {
        secure(authorization_url)?;
        let pending = Pending::new(endpoint, authorization_url, redirect_uri.into())?;
        let mut query = Serializer::new(String::new());
        query.append_pair("response_type", "code");
        if let Some(id) = endpoint.client_id() {
            query.append_pair("client_id", id);
        }
        query.append_pair("redirect_uri", &pending.redirect_uri);
        if let Some(scope) = scope {
            query.append_pair("scope", scope);
        }
        query.append_pair("state", &pending.state);
        query.append_pair("code_challenge", &pending.challenge());
        query.append_pair("code_challenge_method", "S256");
        for (name, value) in endpoint.asked() {
            query.append_pair(name, value);
        }
        let separator = if authorization_url.contains('?') { '&' } else { '?' };
        let url = format!("{authorization_url}{separator}{}", query.finish());
        Ok(Self { endpoint: endpoint.clone(), url, pending })
    }

    /// An API that the tokens are for (RFC 8707). It goes into the address and into the code
    /// exchange (§2.2), and may be called several times. [`TokenEndpoint::resource`] reaches the
    /// refreshes as well.
    #[must_use]
    pub fn resource(self, resource: &str) -> Self {
        self.parameter("resource", resource)
    }

    /// Adds a parameter to the address, such as `audience`, or `access_type` for a refresh token
    /// from Google; and to the code exchange, unless it is one that only the user is asked with.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        let pair = Serializer::new(String::new()).append_pair(name, value).finish();
        self.url = format!("{}&{pair}", self.url);
        if !ONLY_ASKED.contains(&name) {
            self.pending.asked.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Where the user says yes.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether this is the answer to this login and to no other.
    #[must_use]
    pub fn expects(&self, callback: &Callback) -> bool {
        callback.get("state") == Some(self.pending.state.as_str())
    }

    /// What another process needs to finish this login: JSON that holds the state and the verifier.
    /// It must be sealed by the caller, and be bound to the browser that the login was begun with:
    /// a cookie, or a row of its session.
    #[must_use]
    pub fn store(&self) -> Secret {
        // Texts and lists of texts have a JSON form.
        Secret::new(serde_json::to_string(&self.pending).unwrap_or_default())
    }

    /// A login that was stored, to be finished.
    ///
    /// # Errors
    ///
    /// [`LoginError::Malformed`] if this was not stored by [`store`](Self::store), or for another
    /// server or client.
    pub fn resume(endpoint: &TokenEndpoint, stored: &Secret) -> Result<Self, LoginError> {
        let pending = serde_json::from_str::<Pending>(stored.expose());
        let pending = pending.map_err(|_| LoginError::malformed("this is no stored login"))?;
        if !pending.is_of(endpoint) {
            return Err(LoginError::malformed("the stored login was begun with another server or client"));
        }
        Ok(Self { endpoint: endpoint.clone(), url: String::new(), pending })
    }

    /// Exchanges the code for tokens, within the endpoint's [limit](TokenEndpoint::limit). A code
    /// counts once; whatever goes wrong, start again.
    ///
    /// # Errors
    ///
    /// [`LoginError`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have used the code up.
    pub async fn finish(self, callback: Callback) -> Result<TokenSet, LoginError> {
        let code = self.pending.code(&self.endpoint, &callback)?;
        let mut form = self.endpoint.form();
        for (name, value) in &self.pending.asked {
            form.ask_for(name, value);
        }
        let form = form
            .with("grant_type", "authorization_code")
            .with("code", code)
            .with("redirect_uri", &self.pending.redirect_uri)
            .with("code_verifier", &self.pending.verifier);
        let heard = self.endpoint.ask_within(self.endpoint.token_uri(), &form).await?;
        Ok(tokens(self.endpoint.judge(&heard))?)
    }
}

impl fmt::Debug for CodeLogin {
    /// Without the state and the verifier.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeLogin").field("redirect_uri", &self.pending.redirect_uri).finish_non_exhaustive()
    }
}
