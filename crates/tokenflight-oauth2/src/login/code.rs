use std::{borrow::Cow, fmt};

use form_urlencoded::Serializer;
use oauth2::{CsrfToken, PkceCodeChallenge, PkceCodeVerifier};
use tokenflight_core::TokenSet;

use super::{LoginError, tokens};
use crate::{
    EndpointError, TokenEndpoint,
    endpoint::{Form, secure},
};

/// A login in a browser: an authorization code with PKCE (RFC 6749 §4.1, RFC 7636).
pub struct CodeLogin {
    endpoint: TokenEndpoint,
    url: String,
    redirect_uri: String,
    state: CsrfToken,
    verifier: PkceCodeVerifier,
}

/// What the browser brought back: the query of the redirect.
pub struct Callback(Vec<(String, String)>);

impl Callback {
    /// Reads a query, a whole URL, or what a user copied of it.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let query = text.split_once('?').map_or(text, |(_, query)| query);
        let query = query.split_once('#').map_or(query, |(query, _)| query);
        let own = |(name, value): (Cow<'_, str>, Cow<'_, str>)| (name.into_owned(), value.into_owned());
        Self(form_urlencoded::parse(query.trim().as_bytes()).map(own).collect())
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Callback {
    /// Without the code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl CodeLogin {
    /// Prepares a login: a fresh state and a fresh PKCE verifier.
    ///
    /// # Errors
    ///
    /// [`EndpointError`] for the authorization endpoint's URL.
    pub fn start(
        endpoint: &TokenEndpoint,
        authorization_url: &str,
        redirect_uri: impl Into<String>,
        scope: Option<&str>,
    ) -> Result<Self, EndpointError> {
        secure(authorization_url)?;
        let redirect_uri = redirect_uri.into();
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let state = CsrfToken::new_random();
        let mut query = Serializer::new(String::new());
        query.append_pair("response_type", "code");
        if let Some(id) = endpoint.client_id() {
            query.append_pair("client_id", id);
        }
        query.append_pair("redirect_uri", &redirect_uri);
        if let Some(scope) = scope {
            query.append_pair("scope", scope);
        }
        query.append_pair("state", state.secret());
        query.append_pair("code_challenge", challenge.as_str());
        query.append_pair("code_challenge_method", challenge.method().as_str());
        let separator = if authorization_url.contains('?') { '&' } else { '?' };
        let url = format!("{authorization_url}{separator}{}", query.finish());
        Ok(Self { endpoint: endpoint.clone(), url, redirect_uri, state, verifier })
    }

    /// Adds a parameter to the address, such as `audience`, or `access_type` for a refresh token from Google.
    #[must_use]
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        let pair = Serializer::new(String::new()).append_pair(name, value).finish();
        self.url = format!("{}&{pair}", self.url);
        self
    }

    /// Where the user says yes.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether this is the answer to this login and not to another one, or to nobody's.
    #[must_use]
    pub fn expects(&self, callback: &Callback) -> bool {
        callback.get("state") == Some(self.state.secret())
    }

    /// Exchanges the code for tokens. A code counts once; whatever goes wrong, start again.
    ///
    /// # Errors
    ///
    /// [`LoginError`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have used the code up.
    pub async fn finish(self, callback: Callback) -> Result<TokenSet, LoginError> {
        if !self.expects(&callback) {
            return Err(LoginError::Malformed("the answer belongs to another login"));
        }
        // Another server's code must not be sent to this one (RFC 9207).
        if let (Some(told), Some(known)) = (callback.get("iss"), self.endpoint.known_issuer())
            && told != known
        {
            return Err(LoginError::Malformed("the answer comes from another issuer"));
        }
        if let Some(code) = callback.get("error") {
            return Err(LoginError::Denied(code.chars().filter(|char| !char.is_control()).take(256).collect()));
        }
        let code = callback.get("code").ok_or(LoginError::Malformed("the answer has no code"))?;
        let form = Form::new()
            .with("grant_type", "authorization_code")
            .with("code", code)
            .with("redirect_uri", &self.redirect_uri)
            .with("code_verifier", self.verifier.secret());
        Ok(tokens(self.endpoint.ask(&form, &|| {}).await)?)
    }
}

impl fmt::Debug for CodeLogin {
    /// Without the state and the verifier.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CodeLogin").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}
