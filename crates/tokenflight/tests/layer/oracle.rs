//! Which requests go to the same origin: the rule written in another way, for the property tests
//! and the fuzz target.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Scheme, host and port after normalisation; nothing if there is a user name, or no host.
pub(crate) fn normalised(scheme: &str, authority: &str) -> Option<(bool, String, u16)> {
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    if authority.contains('@') {
        return None;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (authority, ""),
    };
    let port = match port {
        "" if tls => 443,
        "" => 80,
        port if port.bytes().all(|byte| byte.is_ascii_digit()) => port.parse().ok()?,
        _ => return None,
    };
    let host = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().ok()?.to_string(),
        None => match host.parse::<Ipv4Addr>() {
            Ok(address) => address.to_string(),
            Err(_) => format!("{}.", host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()),
        },
    };
    // Not an address with a dot after it, and no name with two.
    let fine = !host.ends_with("..") && host.strip_suffix('.').is_none_or(|name| name.parse::<Ipv4Addr>().is_err());
    (fine && host != ".").then_some((tls, host, port))
}
