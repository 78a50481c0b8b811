use serde::{Deserialize, Deserializer};

use super::{DiscoveryError, error::clean};
use crate::address::secure;

/// The part of a metadata document that clients of tokens need. Null or empty members are absent.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    #[serde(flatten)]
    endpoints: Endpoints,
    #[serde(default, deserialize_with = "lenient")]
    token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default, deserialize_with = "lenient")]
    mtls_endpoint_aliases: Endpoints,
    #[serde(default, deserialize_with = "lenient")]
    authorization_response_iss_parameter_supported: bool,
}

/// Where the server is asked: by everyone, or by clients with a certificate (RFC 8705 §5).
#[derive(Clone, Debug, Default, Deserialize)]
struct Endpoints {
    #[serde(default, deserialize_with = "text")]
    token_endpoint: Option<String>,
    #[serde(default, deserialize_with = "text")]
    authorization_endpoint: Option<String>,
    #[serde(default, deserialize_with = "text")]
    device_authorization_endpoint: Option<String>,
    #[serde(default, deserialize_with = "text")]
    revocation_endpoint: Option<String>,
}

/// A text that is there.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// A member that may be null.
fn lenient<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Endpoints {
    fn all(&self) -> impl Iterator<Item = &str> {
        let Self { token_endpoint, authorization_endpoint, device_authorization_endpoint, revocation_endpoint } = self;
        [token_endpoint, authorization_endpoint, device_authorization_endpoint, revocation_endpoint]
            .into_iter()
            .filter_map(|url| url.as_deref())
    }
}

impl Metadata {
    /// Reads a document that was fetched or stored otherwise.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError`] unless it is exactly this issuer's and its endpoints may be sent secrets.
    pub fn parse(issuer: &str, document: &[u8]) -> Result<Self, DiscoveryError> {
        let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
        let metadata: Self =
            serde_json::from_slice(document).map_err(|error| DiscoveryError::Malformed(error.into()))?;
        if metadata.issuer != issuer {
            return Err(DiscoveryError::OtherIssuer { asked: clean(issuer), found: clean(&metadata.issuer) });
        }
        if metadata.endpoints.token_endpoint.is_none() {
            return Err(DiscoveryError::Malformed("missing field `token_endpoint`".into()));
        }
        let unsafe_one = |endpoints: &Endpoints| endpoints.all().any(|url| secure(url).is_err());
        if unsafe_one(&metadata.endpoints) || unsafe_one(&metadata.mtls_endpoint_aliases) {
            return Err(DiscoveryError::Insecure);
        }
        Ok(metadata)
    }

    /// The same with the endpoints for clients with a certificate in the place of the others, as
    /// far as there are such (RFC 8705 §5).
    #[must_use]
    pub fn for_mtls(mut self) -> Self {
        let aliases = std::mem::take(&mut self.mtls_endpoint_aliases);
        let usual = std::mem::take(&mut self.endpoints);
        self.endpoints = Endpoints {
            token_endpoint: aliases.token_endpoint.or(usual.token_endpoint),
            authorization_endpoint: aliases.authorization_endpoint.or(usual.authorization_endpoint),
            device_authorization_endpoint: aliases
                .device_authorization_endpoint
                .or(usual.device_authorization_endpoint),
            revocation_endpoint: aliases.revocation_endpoint.or(usual.revocation_endpoint),
        };
        self
    }

    /// The issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where tokens are.
    #[must_use]
    pub fn token_endpoint(&self) -> &str {
        // It was there when the document was read.
        self.endpoints.token_endpoint.as_deref().unwrap_or_default()
    }

    /// Where tokens are for clients with a certificate (RFC 8705 §5); see
    /// [`for_mtls`](Self::for_mtls).
    #[must_use]
    pub fn mtls_token_endpoint(&self) -> Option<&str> {
        self.mtls_endpoint_aliases.token_endpoint.as_deref()
    }

    /// Where users say yes.
    #[must_use]
    pub fn authorization_endpoint(&self) -> Option<&str> {
        self.endpoints.authorization_endpoint.as_deref()
    }

    /// Where devices ask (RFC 8628 §4).
    #[must_use]
    pub fn device_authorization_endpoint(&self) -> Option<&str> {
        self.endpoints.device_authorization_endpoint.as_deref()
    }

    /// Where tokens are revoked (RFC 7009).
    #[must_use]
    pub fn revocation_endpoint(&self) -> Option<&str> {
        self.endpoints.revocation_endpoint.as_deref()
    }

    /// How clients may say who they are, such as `client_secret_basic`. Empty: nothing was said.
    #[must_use]
    pub fn auth_methods(&self) -> &[String] {
        &self.token_endpoint_auth_methods_supported
    }

    /// Whether authorization responses name the issuer: one that does not is refused (RFC 9207 §3).
    #[must_use]
    pub const fn names_issuer(&self) -> bool {
        self.authorization_response_iss_parameter_supported
    }
}
