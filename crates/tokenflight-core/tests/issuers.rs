//! When tokens of one issuer may be presented to another: a wrong yes shows them to a stranger, a
//! wrong no ends a session.

use tokenflight_core::grant::issuer;

#[test]
fn spellings_of_one_address_are_one_issuer() {
    for (one, other) in [
        ("https://as.example", "https://as.example/"),
        ("https://as.example", "https://as.example:443"),
        ("https://as.example", "HTTPS://AS.Example:443/"),
        ("https://as.example/t", "https://as.EXAMPLE/t"),
        ("http://127.0.0.1:80/x", "http://127.0.0.1/x"),
        ("http://[::1]:80", "http://[::1]/"),
        ("urn:not:an:address", "urn:not:an:address"),
    ] {
        assert!(issuer::same(one, other) && issuer::same(other, one), "{one} {other}");
        assert!(issuer::compatible(one, other), "{one} {other}");
    }
}

#[test]
fn what_differs_in_more_than_spelling_is_another_issuer() {
    for (one, other) in [
        ("https://as.example", "http://as.example"),
        ("https://as.example", "https://as.example:444"),
        ("https://as.example", "https://as.example.evil"),
        ("https://as.example/t", "https://as.example/T"),
        ("https://as.example/t", "https://as.example/t/"),
        ("https://as.example/t?p=1", "https://as.example/t?p=2"),
        // The same machine perhaps, and perhaps not: names are not resolved.
        ("http://localhost:8080", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080", "http://[::1]:8080"),
        ("as.example", "AS.example"),
        ("", "https://as.example"),
    ] {
        assert!(!issuer::same(one, other) && !issuer::compatible(one, other), "{one} {other}");
    }
}

#[test]
fn a_server_that_was_given_by_its_address_and_then_discovered_stays_the_same() {
    assert!(issuer::compatible("https://as.example", "https://as.example:443/realms/x"));
    assert!(issuer::compatible("https://as.example/realms/x", "https://as.example"));
    assert!(!issuer::compatible("https://as.example/realms/x", "https://as.example/realms/y"));
    assert!(!issuer::same("https://as.example", "https://as.example/realms/x"));
    assert_eq!(issuer::origin("HTTPS://AS.example:443/x?y").as_deref(), Some("https://as.example"));
    assert_eq!(issuer::origin("as.example"), None);
}
