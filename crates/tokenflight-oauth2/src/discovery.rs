//! What an authorization server says of itself (RFC 8414, OpenID Connect Discovery).
//!
//! ```
//! use tokenflight_oauth2::discovery::Metadata;
//!
//! let document = r#"{"issuer":"https://as.example","token_endpoint":"https://as.example/token"}"#;
//! let metadata = Metadata::parse("https://as.example", document.as_bytes()).unwrap();
//! assert_eq!(metadata.token_endpoint(), "https://as.example/token");
//! // The issuer must be the expected one, byte for byte (R-165).
//! assert!(Metadata::parse("https://as.example/", document.as_bytes()).is_err());
//! ```

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use serde::Deserialize;

use crate::{
    BoxError, TokenClient,
    endpoint::{Wire, over, secure},
};

/// The part of a metadata document that clients of tokens need.
#[derive(Clone, Debug, Deserialize)]
pub struct Metadata {
    issuer: String,
    token_endpoint: String,
    authorization_endpoint: Option<String>,
    device_authorization_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
    #[serde(default)]
    mtls_endpoint_aliases: Aliases,
}

/// Endpoints for clients with a certificate (RFC 8705 §5).
#[derive(Clone, Debug, Default, Deserialize)]
struct Aliases {
    token_endpoint: Option<String>,
}

/// Which well-known document to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// OpenID Connect: `{issuer}/.well-known/openid-configuration`.
    OpenId,
    /// OAuth 2.0: `/.well-known/oauth-authorization-server` before the issuer's path (RFC 8414 §3).
    OAuth,
}

/// Why there is no metadata.
#[derive(Debug)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The issuer, or an endpoint in the document, is no place to send secrets to.
    Insecure,
    /// The server could not be reached.
    Unreachable(BoxError),
    /// It answered with another status than 200.
    Status(StatusCode),
    /// The document is not what it should be.
    Malformed(BoxError),
    /// The document speaks for somebody else (R-165).
    OtherIssuer,
}

impl fmt::Display for DiscoveryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Insecure => f.write_str("the issuer or an endpoint is neither https nor http on loopback"),
            Self::Unreachable(_) => f.write_str("the authorization server's metadata could not be read"),
            Self::Status(status) => write!(f, "the authorization server answered {} for its metadata", status.as_u16()),
            Self::Malformed(_) => f.write_str("the authorization server's metadata is malformed"),
            Self::OtherIssuer => f.write_str("the metadata names another issuer than was asked for"),
        }
    }
}

impl std::error::Error for DiscoveryError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable(error) | Self::Malformed(error) => Some(&**error),
            _ => None,
        }
    }
}

/// Reads the metadata of `issuer`.
///
/// Do so once, at a login or at the start; a failure later must not take a working endpoint away (R-165).
///
/// # Errors
///
/// [`DiscoveryError`].
///
/// # Cancel safety
///
/// Dropping the future drops the request; nothing else has happened.
pub async fn discover(issuer: &str, kind: Kind, client: impl TokenClient) -> Result<Metadata, DiscoveryError> {
    let url = address(issuer, kind).ok_or(DiscoveryError::Insecure)?;
    let mut request = Request::new(Full::<Bytes>::default());
    *request.method_mut() = Method::GET;
    *request.uri_mut() = secure(&url).map_err(|_| DiscoveryError::Insecure)?;
    request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let reply = over(client).send(request, None, &|| {}).await;
    let reply = reply.map_err(|broken| DiscoveryError::Unreachable(broken.into_source()))?;
    if reply.status != StatusCode::OK {
        return Err(DiscoveryError::Status(reply.status));
    }
    Metadata::parse(issuer, &reply.body.map_err(DiscoveryError::Unreachable)?)
}

fn address(issuer: &str, kind: Kind) -> Option<String> {
    let uri = secure(issuer).ok().filter(|uri| uri.query().is_none())?;
    let path = uri.path().trim_end_matches('/');
    let origin = format!("{}://{}", uri.scheme_str()?, uri.authority()?);
    Some(match kind {
        Kind::OpenId => format!("{origin}{path}/.well-known/openid-configuration"),
        Kind::OAuth => format!("{origin}/.well-known/oauth-authorization-server{path}"),
    })
}

impl Metadata {
    /// Reads a document that was fetched or stored otherwise.
    ///
    /// # Errors
    ///
    /// [`DiscoveryError`] unless it is a document of exactly this issuer whose endpoints may be sent secrets.
    pub fn parse(issuer: &str, document: &[u8]) -> Result<Self, DiscoveryError> {
        let metadata: Self =
            serde_json::from_slice(document).map_err(|error| DiscoveryError::Malformed(error.into()))?;
        if metadata.issuer != issuer {
            return Err(DiscoveryError::OtherIssuer);
        }
        let others = [
            &metadata.authorization_endpoint,
            &metadata.device_authorization_endpoint,
            &metadata.revocation_endpoint,
            &metadata.mtls_endpoint_aliases.token_endpoint,
        ];
        let insecure = others.into_iter().flatten().chain([&metadata.token_endpoint]).any(|url| secure(url).is_err());
        if insecure { Err(DiscoveryError::Insecure) } else { Ok(metadata) }
    }

    /// The issuer identifier.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where tokens are.
    #[must_use]
    pub fn token_endpoint(&self) -> &str {
        &self.token_endpoint
    }

    /// Where tokens are for clients with a certificate (RFC 8705 §5).
    #[must_use]
    pub fn mtls_token_endpoint(&self) -> Option<&str> {
        self.mtls_endpoint_aliases.token_endpoint.as_deref()
    }

    /// Where users say yes.
    #[must_use]
    pub fn authorization_endpoint(&self) -> Option<&str> {
        self.authorization_endpoint.as_deref()
    }

    /// Where devices ask (RFC 8628 §4).
    #[must_use]
    pub fn device_authorization_endpoint(&self) -> Option<&str> {
        self.device_authorization_endpoint.as_deref()
    }

    /// Where tokens are revoked (RFC 7009).
    #[must_use]
    pub fn revocation_endpoint(&self) -> Option<&str> {
        self.revocation_endpoint.as_deref()
    }

    /// How clients may say who they are, such as `client_secret_basic`. Empty: nothing was said.
    #[must_use]
    pub fn auth_methods(&self) -> &[String] {
        &self.token_endpoint_auth_methods_supported
    }
}
