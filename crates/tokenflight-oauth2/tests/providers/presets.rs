//! A name and a tenant are enough to begin.

use tokenflight::Grant;
use tokenflight_oauth2::{
    EndpointError, TokenEndpoint,
    provider::{self, ALL},
};

/// A client that is never asked.
fn client() -> impl tokenflight_oauth2::TokenClient {
    tower::service_fn(|_: http::Request<http_body_util::Full<bytes::Bytes>>| {
        std::future::ready(Ok::<_, std::io::Error>(
            http::Response::new(http_body_util::Full::<bytes::Bytes>::default()),
        ))
    })
}

fn preset(name: &str, place: &str) -> Result<TokenEndpoint, EndpointError> {
    TokenEndpoint::preset(provider::find(name).unwrap(), place, client())
}

#[test]
fn a_tenant_an_issuer_or_nothing_fills_a_row_in() {
    let okta = preset("okta", "example").unwrap();
    assert_eq!(okta.authorization_endpoint(), Some("https://example.okta.com/oauth2/default/v1/authorize"));
    assert_eq!(okta.refresh_token().issuer(), Some("https://example.okta.com/oauth2/default"));
    // A domain of one's own, with or without a slash.
    for place in ["https://login.example.com", "https://login.example.com/"] {
        let okta = preset("okta", place).unwrap();
        assert_eq!(okta.refresh_token().issuer(), Some("https://login.example.com/oauth2/default"));
    }
    let keycloak = preset("keycloak", "https://sso.example/realms/main").unwrap();
    assert_eq!(keycloak.refresh_token().issuer(), Some("https://sso.example/realms/main"));
    let device = "https://sso.example/realms/main/protocol/openid-connect/auth/device";
    assert_eq!(
        preset("keycloak", "https://sso.example/realms/main").unwrap().device_authorization_endpoint(),
        Some(device)
    );
    assert_eq!(preset("google", "").unwrap().refresh_token().issuer(), Some("https://accounts.google.com"));
    assert_eq!(preset("zoho", "com.au").unwrap().refresh_token().issuer(), Some("https://accounts.zoho.com.au"));
    assert_eq!(preset("auth0", "example.eu").unwrap().refresh_token().issuer(), Some("https://example.eu.auth0.com/"));
}

#[test]
fn what_cannot_be_filled_in_is_refused() {
    for (name, place) in [
        ("okta", ""),
        ("okta", "evil.example/"),
        ("okta", "evil.example#"),
        ("okta", "a@b"),
        ("keycloak", "main"),
        ("keycloak", ""),
        ("clerk", "anything"),
    ] {
        assert!(matches!(preset(name, place), Err(EndpointError::Unlisted)), "{name} {place}");
    }
    assert!(matches!(preset("keycloak", "http://sso.example/realms/main"), Err(EndpointError::Insecure)));
}

/// Each address of each row is one that secrets may be sent to.
#[test]
fn every_listed_address_is_safe() {
    let mut count = 0;
    for row in ALL {
        for place in ["tenant", "https://own.example"] {
            match TokenEndpoint::preset(row, place, client()) {
                Ok(endpoint) => {
                    count += 1;
                    for address in [endpoint.authorization_endpoint(), endpoint.device_authorization_endpoint()] {
                        let safe = address.is_none_or(|address| TokenEndpoint::new(address, client()).is_ok());
                        assert!(safe, "{}: {address:?}", row.name);
                    }
                }
                Err(error) => assert_eq!(error, EndpointError::Unlisted, "{}", row.name),
            }
        }
    }
    println!("{count} presets");
    assert!(count >= 60);
}
