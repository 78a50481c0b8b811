//! The list of origins that tokens may go to.

use std::{
    collections::HashSet,
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    net::{Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

use http::{
    Uri,
    uri::{Authority, Scheme},
};
use tokenflight_machine::OriginId;

/// The origins a session's tokens may be sent to: scheme, host and port, compared exactly after
/// normalisation (RFC 6454 §4).
///
/// Requests to anything else pass through without a token. So does a request whose URI has no
/// authority, as tonic's channels and kube's clients make them: where it goes is known to the
/// client below the layer only. For those clients there is [`sole`](Self::sole).
///
/// ```
/// use tokenflight::Origins;
///
/// let origins = Origins::new(["https://api.example.com", "https://other.example.com:8443"])?;
/// let of_a_tonic_channel = Origins::sole("https://grpc.example.com")?;
/// assert!(Origins::new(["http://api.example.com"]).is_err()); // tokens need TLS
/// assert!(Origins::with_plain_loopback(["http://127.0.0.1:8080"])?.as_sole().is_ok());
/// # let _ = (origins, of_a_tonic_channel);
/// # Ok::<_, tokenflight::OriginError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origins {
    pub(super) listed: Vec<Listed>,
    /// Whether the one that is listed is the only destination of the client below.
    pub(super) sole: bool,
}

/// A listed origin, normalised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) tls: bool,
    host: Host,
    port: u16,
    /// The authority as it was written: requests usually spell it the same way.
    pub(super) spelled: Authority,
    pub(super) id: OriginId,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Host {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    /// Lower case, without a trailing dot.
    Name(String),
}

/// Why an origin cannot be listed. What is shown of it has no user name, password, path or query.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginError {
    /// Not `scheme://host[:port]`: incomplete, or with a path, query, fragment or user name.
    NotAnOrigin(String),
    /// Plain `http`, which would show the token to everything on the way.
    NotTls(String),
    /// A wildcard. Hosts are compared exactly: list each of them.
    Wildcard(String),
    /// Nothing is listed: the token would go nowhere.
    Empty,
    /// More than one is listed, so none is the sole destination.
    NotSole,
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnOrigin(text) => write!(f, "`{text}` is not an origin: expected scheme://host[:port]"),
            Self::NotTls(text) => write!(
                f,
                "`{text}` is not https: `Origins::with_plain_loopback` allows plain http on this machine, \
                 `Origins::dangerously_with_plain_http` anywhere"
            ),
            Self::Wildcard(text) => write!(f, "`{text}` has a wildcard: list each host"),
            Self::Empty => f.write_str("no origin is listed"),
            Self::NotSole => f.write_str("a sole destination is one origin, and more are listed"),
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
    pub fn new(origins: impl IntoIterator<Item: AsRef<str>>) -> Result<Self, OriginError> {
        Self::list(origins, |_| false)
    }

    /// The one destination of the client below the layer, which must be `https`:
    /// `Origins::sole("https://grpc.example.com")` for a tonic channel to that endpoint, or for a
    /// kube client of that API server.
    ///
    /// Requests without an authority get the token and are taken for requests to it. To requests
    /// with one it is a list of one.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn sole(origin: impl AsRef<str>) -> Result<Self, OriginError> {
        Self::new([origin])?.as_sole()
    }

    /// Lists origins; plain `http` is allowed to `localhost`, `127.0.0.0/8` and `[::1]`, for tests
    /// and sidecars.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_plain_loopback(origins: impl IntoIterator<Item: AsRef<str>>) -> Result<Self, OriginError> {
        Self::list(origins, Host::is_loopback)
    }

    /// Lists origins; plain `http` is allowed to all of them. Everything on the way can read the
    /// tokens and use them: only for networks that encrypt below HTTP, as a service mesh does.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn dangerously_with_plain_http(origins: impl IntoIterator<Item: AsRef<str>>) -> Result<Self, OriginError> {
        Self::list(origins, |_| true)
    }

    /// Makes the one origin that is listed the [sole](Self::sole) destination of the client.
    ///
    /// # Errors
    ///
    /// [`OriginError::NotSole`] if more than one is listed.
    pub fn as_sole(mut self) -> Result<Self, OriginError> {
        self.sole = self.listed.len() == 1;
        if self.sole { Ok(self) } else { Err(OriginError::NotSole) }
    }

    fn list(origins: impl IntoIterator<Item: AsRef<str>>, plain: impl Fn(&Host) -> bool) -> Result<Self, OriginError> {
        let listed = origins.into_iter().map(|text| Listed::parse(text.as_ref(), &plain));
        let mut listed: Vec<Listed> = listed.collect::<Result<_, _>>()?;
        // In another spelling, perhaps.
        let mut seen = HashSet::new();
        listed.retain(|listed| seen.insert((listed.tls, listed.host.clone(), listed.port)));
        if listed.is_empty() { Err(OriginError::Empty) } else { Ok(Self { listed, sole: false }) }
    }

    pub(super) fn of_id(&self, id: OriginId) -> Option<&Listed> {
        self.listed.iter().find(|listed| listed.id == id)
    }
}

impl Listed {
    fn parse(text: &str, plain: impl Fn(&Host) -> bool) -> Result<Self, OriginError> {
        let broken = || {
            if text.contains('*') { OriginError::Wildcard(shown(text)) } else { OriginError::NotAnOrigin(shown(text)) }
        };
        // `Uri` drops a fragment in silence.
        let uri = Uri::from_str(text).ok().filter(|_| !text.contains('#')).ok_or_else(broken)?;
        let (Some(scheme), Some(spelled)) = (uri.scheme(), uri.authority()) else { return Err(broken()) };
        let tls = *scheme == Scheme::HTTPS;
        let known = tls || *scheme == Scheme::HTTP;
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !spelled.as_str().contains(['@', '*']);
        let (host, rest) = Host::split(spelled.as_str()).filter(|_| known && bare).ok_or_else(broken)?;
        let port = port(rest, tls).ok_or_else(broken)?;
        if !tls && !plain(&host) {
            return Err(OriginError::NotTls(shown(text)));
        }
        let mut hasher = DefaultHasher::new();
        (tls, &host, port).hash(&mut hasher);
        Ok(Self { tls, host, port, spelled: spelled.clone(), id: OriginId::new(hasher.finish()) })
    }

    pub(super) fn scheme(&self) -> Scheme {
        if self.tls { Scheme::HTTPS } else { Scheme::HTTP }
    }

    /// Whether this text, an authority or a `Host`, names the host and the port. It is compared as
    /// it stands: nothing is allocated for one that does not.
    pub(super) fn is_named_by(&self, text: &str) -> bool {
        self.host.strip_from(text).and_then(|rest| port(rest, self.tls)) == Some(self.port)
    }
}

impl Host {
    /// The host at the beginning of an authority without a user name, and what follows it.
    fn split(authority: &str) -> Option<(Self, &str)> {
        if let Some(bracketed) = authority.strip_prefix('[') {
            let (address, rest) = bracketed.split_once(']')?;
            return Some((Self::V6(address.parse().ok()?), rest));
        }
        let (host, rest) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
        if let Ok(address) = host.parse() {
            return Some((Self::V4(address), rest));
        }
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        // Not an address with a dot after it either, which some take for the address.
        let fine = !name.is_empty() && !name.ends_with('.') && name.parse::<Ipv4Addr>().is_err();
        fine.then_some((Self::Name(name), rest))
    }

    /// What follows this host at the beginning of a text.
    fn strip_from<'a>(&self, text: &'a str) -> Option<&'a str> {
        match self {
            Self::Name(name) => {
                let (host, rest) = text.split_at_checked(name.len())?;
                host.eq_ignore_ascii_case(name).then(|| rest.strip_prefix('.').unwrap_or(rest))
            }
            // An address has many spellings in the brackets, and one without.
            Self::V6(_) | Self::V4(_) => {
                let (host, rest) = Self::split(text)?;
                (host == *self).then_some(rest)
            }
        }
    }

    fn is_loopback(&self) -> bool {
        match self {
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
            Self::Name(name) => name == "localhost",
        }
    }
}

/// The port that follows a host. Not `Authority::port`: it takes a port that is no number for none
/// at all, and that for the default one.
fn port(text: &str, tls: bool) -> Option<u16> {
    match text {
        "" | ":" => Some(if tls { 443 } else { 80 }),
        text => text.strip_prefix(':').filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok(),
    }
}

/// What may be shown of a text that is no origin: scheme, host and port, as far as they can be
/// such. The rest of an address may be a secret.
fn shown(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) if is_scheme(scheme) => (format!("{scheme}://"), rest),
        _ => (String::new(), text),
    };
    let (user, host) = match rest.rsplit_once('@') {
        // A password with a slash, or a path with an `@`: what follows may be a host or a secret.
        Some((user, _)) if user.contains(['/', '?', '#', '\\']) => return format!("{scheme}…@…"),
        Some((_, host)) => ("…@", host),
        None => ("", rest),
    };
    let (host, rest) = match host.split_once(']') {
        Some((address, rest)) if address.strip_prefix('[').is_some_and(is_address) => (format!("{address}]"), rest),
        _ => {
            let (host, rest) = host.split_at(host.find(|char| !is_of_name(char)).unwrap_or(host.len()));
            (host.to_owned(), rest)
        }
    };
    let port = rest
        .strip_prefix(':')
        .map_or(0, |port| 1 + port.find(|char: char| !char.is_ascii_digit()).unwrap_or(port.len()));
    let (port, path) = rest.split_at(port);
    let path = match path {
        "" | "/" => path,
        path if path.starts_with('/') => "/…",
        _ => "…",
    };
    format!("{scheme}{user}{host}{port}{path}")
}

/// Whether it may be a scheme (RFC 3986 §3.1).
fn is_scheme(text: &str) -> bool {
    text.starts_with(|char: char| char.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

/// Whether it may be an address as it stands in brackets.
fn is_address(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
}

/// Whether it may stand in the name of a host, or of many.
fn is_of_name(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '.' | '-' | '_' | '*')
}
