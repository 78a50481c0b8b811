//! Comparing issuer identifiers (RFC 8414 §2) as the addresses they are.
//!
//! ```
//! use tokenflight_core::grant::issuer;
//!
//! assert!(issuer::same("https://as.example:443/t", "https://AS.example/t"));
//! assert!(!issuer::same("https://as.example", "https://as.example/t"));
//! // An endpoint that was given by its address is known by its origin alone.
//! assert!(issuer::compatible("https://as.example", "https://as.example/t"));
//! assert!(!issuer::compatible("http://localhost:8080", "http://127.0.0.1:8080"));
//! ```

use http::Uri;

/// Whether two identifiers are the same address: case of scheme and host, a default port and the
/// slash of an empty path do not count; everything else does.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    one == other || matches!((Address::of(one), Address::of(other)), (Some(one), Some(other)) if one == other)
}

/// Whether tokens of `stored` may be presented to `ours`: the [same] identifier, or one of the two
/// is the bare origin of the other. A token endpoint that was given by its address is known by its
/// origin; the same server, once it is discovered, has an identifier with a path.
#[must_use]
pub fn compatible(stored: &str, ours: &str) -> bool {
    let (Some(one), Some(other)) = (Address::of(stored), Address::of(ours)) else { return stored == ours };
    one == other || (one.origin == other.origin && (one.path.is_empty() || other.path.is_empty()))
}

/// The origin of an address, in one spelling: lower case, without a default port. `None` if it is
/// no address with a host.
#[must_use]
pub fn origin(address: &str) -> Option<String> {
    Address::of(address).map(|address| address.origin)
}

#[derive(PartialEq, Eq)]
struct Address {
    origin: String,
    path: String,
}

impl Address {
    fn of(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let (scheme, host) = (uri.scheme_str()?.to_ascii_lowercase(), uri.host()?.to_ascii_lowercase());
        let default = match &*scheme {
            "https" => Some(443),
            "http" => Some(80),
            _ => None,
        };
        let port = uri.port_u16().filter(|port| Some(*port) != default);
        let port = port.map_or_else(String::new, |port| format!(":{port}"));
        let path = uri.path_and_query().map(|path| path.as_str()).filter(|path| *path != "/").unwrap_or_default();
        Some(Self { origin: format!("{scheme}://{host}{port}"), path: path.to_owned() })
    }
}
