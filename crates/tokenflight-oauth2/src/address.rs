//! Addresses that secrets may be sent to.

use std::{fmt, net::IpAddr};

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
            Self::NotAUrl => "not an absolute URL without credentials and fragment: write it as `https://host/path`",
            Self::Insecure => "neither https nor http on loopback: secrets are sent to `https` addresses only",
            Self::Unlisted => {
                "the provider's row has no such endpoint, or it needs a tenant or an issuer: \
                 give that as the place, or name the endpoint itself"
            }
        })
    }
}

impl std::error::Error for EndpointError {}

/// An `https` URL, or an `http` one on loopback.
pub(crate) fn secure(url: &str) -> Result<Uri, EndpointError> {
    plain_only(url, is_loopback)
}

/// The same, or an `http` one at a link-local address: it reaches no further than the host that
/// this machine runs on (RFC 3927, RFC 4291 §2.5.6).
pub(crate) fn metadata(url: &str) -> Result<Uri, EndpointError> {
    plain_only(url, |host| is_loopback(host) || ip(host).is_some_and(|ip| is_link_local(&ip)))
}

fn plain_only(url: &str, may_be_plain: impl Fn(&str) -> bool) -> Result<Uri, EndpointError> {
    let uri: Uri = url.parse().map_err(|_| EndpointError::NotAUrl)?;
    let authority = uri.authority().ok_or(EndpointError::NotAUrl)?;
    if authority.as_str().contains('@') || url.contains('#') {
        return Err(EndpointError::NotAUrl);
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if may_be_plain(authority.host()) => Ok(uri),
        _ => Err(EndpointError::Insecure),
    }
}

fn ip(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || ip(host).is_some_and(|ip| ip.is_loopback())
}

const fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
