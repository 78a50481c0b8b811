//! Addresses that secrets may be sent to.

use std::fmt;

use http::Uri;

/// Why a URL is no place to send secrets to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is not an absolute URL, or it holds credentials or a fragment.
    NotAUrl,
    /// It is not `https`, nor `http` on loopback.
    Insecure,
    /// The provider's row has no such endpoint, or the endpoint needs a tenant that was not given.
    Unlisted,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAUrl => "not an absolute URL without credentials and fragment",
            Self::Insecure => "neither https nor http on loopback",
            Self::Unlisted => "the provider's row has no such endpoint, or it needs a tenant or an issuer",
        })
    }
}

impl std::error::Error for EndpointError {}

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
