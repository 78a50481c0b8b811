//! May a request have the token, and as a request to which origin?

use std::fmt;

use http::{
    HeaderMap, Method, Request, Uri,
    header::{AUTHORIZATION, HOST},
    uri::Scheme,
};
use tokenflight_machine::OriginId;

use super::{BearerOptions, Origins, origin::Listed, redirect};

/// Why a request went out without a token of the layer's. In the extensions of the response if that
/// is a refusal: a 401, a gRPC call that is refused in its headers, or [what the application calls
/// one](crate::BearerLayer::refused_when).
///
/// ```
/// # use bytes::Bytes;
/// # use http::{Request, Response};
/// # use tokenflight::{BearerLayer, GrantError, Origins, Session, TokenSet, grant_fn};
/// # use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};
/// use tokenflight::NoToken;
///
/// # fn main() -> Result<(), BoxError> {
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// # let session = Session::builder(grant_fn(|_| async { Err(GrantError::config("example")) })).build()?;
/// # session.login(TokenSet::new("secret")).await?;
/// # let api = service_fn(|_: Request<String>| async {
/// #     Ok::<_, BoxError>(Response::builder().status(401).body(String::new())?)
/// # });
/// let layer = BearerLayer::new(session, Origins::new(["https://api.example.com"])?);
/// let client = ServiceBuilder::new().layer(layer).service(api);
/// let request = Request::get("https://api.example.org/me").body(String::new())?;
/// let response = client.oneshot(request).await?;
/// assert_eq!(response.extensions().get(), Some(&NoToken::Unlisted));
/// # Ok(()) })
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoToken {
    /// Its origin is not [listed](Origins).
    Unlisted,
    /// Its URI has no authority, and the layer was told no [sole](Origins::sole) destination.
    NoAuthority,
    /// Its caller had set an `Authorization`.
    OwnAuthorization,
    /// Its `Host` header names another host than its URI.
    OtherHost,
    /// It was asked for: [`BearerOptions::without_token`].
    Option,
    /// A redirect had led it to another origin before; see [`redirect`].
    Redirected,
    /// It is a `CONNECT`, which speaks to a proxy.
    Connect,
    /// It is a `TRACE`, whose answer repeats the request (RFC 9110 §9.3.8).
    Trace,
}

impl fmt::Display for NoToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unlisted => "no token was sent: the origin is not listed",
            Self::NoAuthority => {
                "no token was sent: the URI names no host, and `Origins::sole` has not named the client's only one"
            }
            Self::OwnAuthorization => "no token was sent: the request had an Authorization of its own",
            Self::OtherHost => "no token was sent: the Host header names another host than the URI",
            Self::Option => "no token was sent: the options said so",
            Self::Redirected => "no token was sent: a redirect had led to another origin",
            Self::Connect => "no token was sent: CONNECT speaks to a proxy",
            Self::Trace => "no token was sent: the answer to TRACE repeats it",
        })
    }
}

impl std::error::Error for NoToken {}

/// Which of the headers that have a say are there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Names {
    pub(super) authorization: bool,
    pub(super) host: bool,
}

impl Names {
    #[inline(always)]
    pub(super) fn of(headers: &HeaderMap) -> Self {
        // Reading a dozen names is cheaper than one search.
        let mut names = Self::default();
        for name in headers.keys() {
            names.authorization |= *name == AUTHORIZATION;
            names.host |= *name == HOST;
        }
        names
    }
}

/// Where requests may go with a token.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) origins: Origins,
    pub(super) below_redirects: bool,
}

impl Rules {
    /// The origin as which this request gets the token, or why none. To be asked once a request.
    ///
    /// The headers are looked at last, and by the caller, who may have to read all of them anyway,
    /// and is told whether the URI spells the origin as the list does.
    #[inline(always)]
    pub(super) fn target<B>(
        &self,
        request: &Request<B>,
        options: &BearerOptions,
        names: impl FnOnce(bool) -> Names,
    ) -> Result<OriginId, NoToken> {
        let target = self.allowed(request, options, names);
        if self.below_redirects && !redirect::is_home(request, target.ok()) {
            target.and(Err(NoToken::Redirected))
        } else {
            target
        }
    }

    #[inline(always)]
    fn allowed<B>(
        &self,
        request: &Request<B>,
        options: &BearerOptions,
        names: impl FnOnce(bool) -> Names,
    ) -> Result<OriginId, NoToken> {
        if options.is_untouched() {
            return Err(NoToken::Option);
        }
        match *request.method() {
            Method::CONNECT if !is_extended(request) => return Err(NoToken::Connect),
            Method::TRACE => return Err(NoToken::Trace),
            _ => {}
        }
        let (listed, spelled) = self.listed(request.uri())?;
        let names = names(spelled);
        if names.authorization {
            return Err(NoToken::OwnAuthorization);
        }
        if names.host && !is_host(listed, request.headers()) {
            return Err(NoToken::OtherHost);
        }
        Ok(listed.id)
    }

    /// The listed origin that a URI leads to, and whether the URI spells it as the list does.
    #[inline(always)]
    fn listed(&self, uri: &Uri) -> Result<(&Listed, bool), NoToken> {
        let Origins { listed, sole } = &self.origins;
        let (scheme, authority) = match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) => (scheme, authority.as_str()),
            (None, None) => {
                let destination = listed.first().filter(|_| *sole);
                return destination.map(|listed| (listed, false)).ok_or(NoToken::NoAuthority);
            }
            _ => return Err(NoToken::Unlisted),
        };
        let tls = *scheme == Scheme::HTTPS;
        if !tls && *scheme != Scheme::HTTP {
            return Err(NoToken::Unlisted);
        }
        // Nearly always it is spelled as it is listed.
        if let Some(same) = listed.iter().find(|listed| listed.tls == tls && listed.spelled.as_str() == authority) {
            return Ok((same, true));
        }
        let named = listed.iter().find(|listed| listed.tls == tls && listed.is_named_by(authority));
        named.map(|named| (named, false)).ok_or(NoToken::Unlisted)
    }
}

/// Whether every `Host` header names this origin: a server may route by it, and what it routes to
/// be the token's reader.
#[cold]
fn is_host(listed: &Listed, headers: &HeaderMap) -> bool {
    headers.get_all(HOST).iter().all(|host| host.to_str().is_ok_and(|host| listed.is_named_by(host)))
}

/// Whether a `CONNECT` opens a WebSocket or the like at the origin itself (RFC 8441 §4, RFC 9220),
/// instead of speaking to a proxy.
#[cold]
fn is_extended<B>(request: &Request<B>) -> bool {
    #[cfg(feature = "extended-connect")]
    {
        request.extensions().get::<hyper::ext::Protocol>().is_some()
    }
    #[cfg(not(feature = "extended-connect"))]
    {
        let _ = request;
        false
    }
}
