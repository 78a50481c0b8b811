use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use tokenflight_core::{Time, grant::issuer::origin};

use super::{DiscoveryError, Metadata, error::clean};
use crate::{
    TokenClient,
    address::secure,
    limit,
    wire::{Over, Reply, Wire},
};

/// Which well-known document to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// OpenID Connect: `{issuer}/.well-known/openid-configuration`.
    OpenId,
    /// OAuth 2.0: `/.well-known/oauth-authorization-server` before the issuer's path (RFC 8414 §3).
    OAuth,
}

/// Redirects that are followed, within the origin.
const MOST: usize = 3;

/// Reads the metadata of `issuer`, within half a minute by the clock of tokio.
///
/// Do so once, at a login or at the start; a failure later must not take a working endpoint away.
/// Redirects are followed within the origin of the issuer.
///
/// # Errors
///
/// [`DiscoveryError`].
///
/// # Cancel safety
///
/// Dropping the future drops the request; nothing else has happened.
pub async fn discover(issuer: &str, kind: Kind, client: impl TokenClient) -> Result<Metadata, DiscoveryError> {
    limited(issuer, kind, client, None, limit::EXCHANGE).await
}

/// As [`discover`], by a clock and with a limit of the caller's.
///
/// # Errors
///
/// [`DiscoveryError`].
///
/// # Cancel safety
///
/// As [`discover`].
pub async fn discover_within(
    limit: Duration,
    time: &dyn Time,
    issuer: &str,
    kind: Kind,
    client: impl TokenClient,
) -> Result<Metadata, DiscoveryError> {
    limited(issuer, kind, client, Some(time), limit).await
}

async fn limited(
    issuer: &str,
    kind: Kind,
    client: impl TokenClient,
    time: Option<&dyn Time>,
    limit: Duration,
) -> Result<Metadata, DiscoveryError> {
    let uri = address(issuer, kind)?;
    let wire = Over::new(client);
    let reply = limit::within(limit, time, fetch(&wire, uri)).await.ok_or(DiscoveryError::TimedOut)??;
    let body = reply.body.map_err(DiscoveryError::Unreachable)?;
    Metadata::parse(issuer, &body).map_err(|error| match (error, reply.decoded) {
        (DiscoveryError::Malformed(error), Some(coding)) => {
            DiscoveryError::Malformed(format!("{error} (after the content-encoding {coding} was undone)").into())
        }
        (error, _) => error,
    })
}

/// The document, wherever in its origin it is.
async fn fetch(wire: &impl Wire, mut uri: Uri) -> Result<Reply, DiscoveryError> {
    for _ in 0..=MOST {
        let mut request = Request::new(Full::<Bytes>::default());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = uri.clone();
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        request.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let reply = wire.send(request, None, &|| {}).await;
        let reply = reply.map_err(|broken| DiscoveryError::Unreachable(broken.into_source()))?;
        match (reply.status, target(&uri, &reply)) {
            (StatusCode::OK, _) => return Ok(reply),
            (status, None) => return Err(DiscoveryError::Status(status)),
            (status, Some(to)) if origin(&to) != origin(&uri.to_string()) => {
                let to = clean(to.split('?').next().unwrap_or_default());
                return Err(DiscoveryError::Redirected { status, to });
            }
            (_, Some(to)) => uri = secure(&to).map_err(|_| DiscoveryError::Insecure)?,
        }
    }
    Err(DiscoveryError::Redirected { status: StatusCode::LOOP_DETECTED, to: clean(&uri.to_string()) })
}

/// Where a redirect leads, an absolute address. References to the document's path are not resolved.
fn target(from: &Uri, reply: &Reply) -> Option<String> {
    if !reply.status.is_redirection() {
        return None;
    }
    let location = reply.headers.get(header::LOCATION)?.to_str().ok()?;
    let (scheme, authority) = (from.scheme_str()?, from.authority()?);
    Some(match location {
        location if location.starts_with("//") => format!("{scheme}:{location}"),
        location if location.starts_with('/') => format!("{scheme}://{authority}{location}"),
        location => location.to_owned(),
    })
}

fn address(issuer: &str, kind: Kind) -> Result<Uri, DiscoveryError> {
    if issuer.contains(['?', '#']) {
        return Err(DiscoveryError::NotAnIssuer(
            "it has a query or a fragment; a policy or a tenant belongs into its path",
        ));
    }
    let uri = secure(issuer).map_err(|_| DiscoveryError::Insecure)?;
    let path = uri.path().trim_end_matches('/');
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(DiscoveryError::Insecure);
    };
    let url = match kind {
        Kind::OpenId => format!("{scheme}://{authority}{path}/.well-known/openid-configuration"),
        Kind::OAuth => format!("{scheme}://{authority}/.well-known/oauth-authorization-server{path}"),
    };
    secure(&url).map_err(|_| DiscoveryError::Insecure)
}
