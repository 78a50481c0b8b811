//! The host that a program wants a token for.

/// The host of an address, with its port if that is not the scheme's. `None` where a token would go
/// over the network in the clear, and for what is no address.
pub(super) fn of(address: &str) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    with_scheme(scheme, host)
}

/// The same of a host that is told apart from its scheme.
pub(super) fn with_scheme(scheme: &str, host: &str) -> Option<String> {
    let host = host.to_ascii_lowercase();
    let (default, is_safe) = match scheme.to_ascii_lowercase().as_str() {
        "https" => (":443", true),
        "http" => (":80", is_loopback(&host)),
        _ => return None,
    };
    let named = host.strip_suffix(default).unwrap_or(&host);
    (is_safe && !named.is_empty()).then(|| named.to_owned())
}

/// Whether it never leaves this machine.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_with_its_port_unless_that_is_the_usual_one() {
        assert_eq!(of("https://Git.Example/a/b").as_deref(), Some("git.example"));
        assert_eq!(of("https://git.example:443").as_deref(), Some("git.example"));
        assert_eq!(of("https://me@git.example:8443/?x").as_deref(), Some("git.example:8443"));
        assert_eq!(with_scheme("https", "[::1]:9").as_deref(), Some("[::1]:9"));
    }

    #[test]
    fn a_token_goes_in_the_clear_to_this_machine_only() {
        assert_eq!(of("http://git.example/"), None);
        assert_eq!(of("http://127.0.0.1.example/"), None);
        assert_eq!(of("http://127.0.0.1:80/").as_deref(), Some("127.0.0.1"));
        assert_eq!(of("http://[::1]:5000/").as_deref(), Some("[::1]:5000"));
        assert_eq!([of("ssh://git.example"), of("git.example"), of("https:///x")], [None, None, None]);
    }
}
