//! Where tokens may go.

use std::{
    fmt,
    hash::{Hash, Hasher},
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use http::{
    HeaderMap, HeaderValue, Uri,
    header::HOST,
    uri::{Authority, Scheme},
};
use tokenflight_machine::OriginId;

/// The origins a session's tokens may be sent to: scheme, host and port, compared exactly after normalisation (R-610).
///
/// Requests to anything else pass through without a token. A request without an authority (as tonic and kube make them)
/// belongs to its client's one destination and gets the token.
///
/// ```
/// use tokenflight::Origins;
///
/// let origins = Origins::new(["https://api.example.com", "https://other.example.com:8443"])?;
/// assert!(Origins::new(["http://api.example.com"]).is_err()); // tokens need TLS
/// assert!(Origins::with_plain_loopback(["http://127.0.0.1:8080"]).is_ok());
/// # let _ = origins;
/// # Ok::<_, tokenflight::OriginError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins(Vec<Listed>);

/// A listed origin.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listed {
    origin: Origin,
    /// The authority as it was written: requests usually spell it the same way, and need no normalisation then.
    spelled: Authority,
    id: OriginId,
}

/// A normalised origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Origin {
    tls: bool,
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Host {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    /// Lower case, without a trailing dot.
    Name(String),
}

/// Why an origin cannot be listed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginError {
    /// Not `scheme://host[:port]`: something is missing, or there is a path, a query or a user name.
    NotAnOrigin(String),
    /// Plain `http`, which would show the token to everybody on the way (R-612).
    NotTls(String),
    /// Nothing is listed: the token would go nowhere.
    Empty,
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnOrigin(text) => write!(f, "`{text}` is not an origin: expected scheme://host[:port]"),
            Self::NotTls(text) => {
                write!(f, "`{text}` is not https: plain http is for loopback, and only when asked for")
            }
            Self::Empty => f.write_str("no origin is listed"),
        }
    }
}

impl std::error::Error for OriginError {}

impl Origins {
    /// Lists origins; all must be `https`.
    ///
    /// # Errors
    ///
    /// [`OriginError`] names the first that cannot be listed.
    pub fn new<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self, OriginError> {
        Self::list(origins, |_| false)
    }

    /// Lists origins; plain `http` is allowed to `localhost`, `127.0.0.0/8` and `[::1]`, for tests and sidecars (R-612).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_plain_loopback<'a>(origins: impl IntoIterator<Item = &'a str>) -> Result<Self, OriginError> {
        Self::list(origins, Host::is_loopback)
    }

    fn list<'a>(
        origins: impl IntoIterator<Item = &'a str>,
        plain: impl Fn(&Host) -> bool,
    ) -> Result<Self, OriginError> {
        let listed: Vec<_> = origins.into_iter().map(|text| parse(text, &plain)).collect::<Result<_, _>>()?;
        if listed.is_empty() { Err(OriginError::Empty) } else { Ok(Self(listed)) }
    }

    /// The listed origin a request goes to, if it goes to one, as long as no `Host` says otherwise.
    #[inline]
    pub(super) fn addressed(&self, uri: &Uri) -> Option<OriginId> {
        match uri.authority() {
            Some(authority) => Some(self.lookup(is_tls(uri)?, authority)?.id),
            // The client has one destination, which must be a listed one, so the first stands for it.
            None => self.0.first().map(|listed| listed.id),
        }
    }

    /// The listed origin a request goes to, if it goes to one.
    pub(super) fn find(&self, uri: &Uri, headers: &HeaderMap) -> Option<OriginId> {
        if !headers.contains_key(HOST) {
            return self.addressed(uri);
        }
        let Some(authority) = uri.authority() else { return self.without_authority(headers) };
        let tls = is_tls(uri)?;
        let listed = self.lookup(tls, authority)?;
        // The server may route by `Host`, by the first or by the last of several; if one names somebody else, so may the
        // token's reader be (R-610).
        let same = |host: &HeaderValue| {
            host.as_bytes() == authority.as_str().as_bytes()
                || named(host).and_then(|host| Origin::new(tls, &host)).as_ref() == Some(&listed.origin)
        };
        headers.get_all(HOST).iter().all(same).then_some(listed.id)
    }

    #[inline]
    fn lookup(&self, tls: bool, authority: &Authority) -> Option<&Listed> {
        let same = |listed: &&Listed| listed.origin.tls == tls && listed.spelled.as_str() == authority.as_str();
        self.0.iter().find(same).or_else(|| {
            let origin = Origin::new(tls, authority)?;
            self.0.iter().find(|listed| listed.origin == origin)
        })
    }

    /// Where only `Host` names the destination.
    fn without_authority(&self, headers: &HeaderMap) -> Option<OriginId> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next()?;
        if hosts.any(|other| other != host) {
            return None;
        }
        let host = named(host)?;
        [true, false].into_iter().find_map(|tls| self.lookup(tls, &host)).map(|listed| listed.id)
    }
}

/// Whether this is `https`, and not `http`; neither of them is another scheme, or `CONNECT`, which speaks to a proxy.
#[inline]
fn is_tls(uri: &Uri) -> Option<bool> {
    let scheme = uri.scheme()?;
    if *scheme == Scheme::HTTPS { Some(true) } else { (*scheme == Scheme::HTTP).then_some(false) }
}

/// Whom a `Host` header names.
fn named(host: &HeaderValue) -> Option<Authority> {
    host.to_str().ok().and_then(|host| Authority::from_str(host).ok())
}

fn parse(text: &str, plain: impl Fn(&Host) -> bool) -> Result<Listed, OriginError> {
    let broken = || OriginError::NotAnOrigin(text.to_owned());
    let uri = Uri::from_str(text).map_err(|_| broken())?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(broken()) };
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        return Err(broken());
    }
    let tls = match scheme {
        "https" => true,
        "http" => false,
        _ => return Err(broken()),
    };
    let origin = Origin::new(tls, authority).ok_or_else(broken)?;
    if !tls && !plain(&origin.host) {
        return Err(OriginError::NotTls(text.to_owned()));
    }
    let mut hasher = std::hash::DefaultHasher::new();
    origin.hash(&mut hasher);
    Ok(Listed { id: OriginId::new(hasher.finish()), spelled: authority.clone(), origin })
}

impl Origin {
    /// `None` if there is a user name: `https://api.example@evil` is not what it seems.
    fn new(tls: bool, authority: &Authority) -> Option<Self> {
        let host = authority.host();
        // The text begins with the host unless there is a user name.
        let port = match authority.as_str().strip_prefix(host)? {
            "" | ":" if tls => 443,
            "" | ":" => 80,
            // Not `Authority::port`: it takes a port that is no number for none at all, and that for the default one.
            port => {
                port.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()?
            }
        };
        Some(Self { tls, host: Host::new(host)?, port })
    }
}

impl Host {
    fn new(host: &str) -> Option<Self> {
        if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            return address.parse().ok().map(Self::V6);
        }
        if let Ok(address) = host.parse() {
            return Some(Self::V4(address));
        }
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        (!name.is_empty()).then_some(Self::Name(name))
    }

    fn is_loopback(&self) -> bool {
        match self {
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
            Self::Name(name) => name == "localhost",
        }
    }
}
