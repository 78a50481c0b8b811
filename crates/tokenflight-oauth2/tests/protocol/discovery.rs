//! What servers say of themselves (R-165).

use http::StatusCode;
use tokenflight::Grant;
use tokenflight_oauth2::{
    TokenEndpoint,
    discovery::{DiscoveryError, Kind, Metadata, discover},
};

use crate::support::{Act, Scripted, answer, client, json};

fn parse(document: &str) -> Result<Metadata, DiscoveryError> {
    Metadata::parse("https://as.example/t", document.as_bytes())
}

#[test]
fn a_document_must_be_of_the_issuer_and_its_endpoints_safe() {
    let good = r#"{"issuer":"https://as.example/t","token_endpoint":"https://as.example/token","x":[1],
        "revocation_endpoint":"https://as.example/revoke","device_authorization_endpoint":"https://as.example/device",
        "authorization_endpoint":"https://as.example/authorize","token_endpoint_auth_methods_supported":["none"],
        "mtls_endpoint_aliases":{"token_endpoint":"https://mtls.as.example/token"}}"#;
    let metadata = parse(good).unwrap();
    assert_eq!(metadata.issuer(), "https://as.example/t");
    assert_eq!(metadata.authorization_endpoint(), Some("https://as.example/authorize"));
    assert_eq!(metadata.device_authorization_endpoint(), Some("https://as.example/device"));
    assert_eq!(metadata.revocation_endpoint(), Some("https://as.example/revoke"));
    assert_eq!(metadata.mtls_token_endpoint(), Some("https://mtls.as.example/token"));
    assert_eq!(metadata.auth_methods(), ["none"]);
    let grant = TokenEndpoint::discovered(&metadata, client()).unwrap().refresh_token();
    assert_eq!(grant.issuer(), Some("https://as.example/t"));

    for issuer in ["https://as.example/t/", "https://as.example", "https://AS.example/t", "https://evil.example/t"] {
        let other = good.replace("https://as.example/t\"", &format!("{issuer}\""));
        assert!(matches!(parse(&other), Err(DiscoveryError::OtherIssuer { .. })), "{issuer}");
    }
    for endpoint in
        ["as.example/token", "as.example/revoke", "as.example/device", "as.example/authorize", "mtls.as.example/token"]
    {
        let plain = good.replace(&format!("https://{endpoint}\""), &format!("http://{endpoint}\""));
        assert!(matches!(parse(&plain), Err(DiscoveryError::Insecure)), "{endpoint}");
    }
    for broken in ["", "[]", "{}", r#"{"issuer":"https://as.example/t"}"#] {
        assert!(matches!(parse(broken), Err(DiscoveryError::Malformed(_))), "{broken}");
    }
}

#[tokio::test]
async fn both_well_known_places_are_asked_as_the_standards_say() {
    for (kind, path, expected) in [
        (Kind::OpenId, "/tenant", "/tenant/.well-known/openid-configuration"),
        (Kind::OpenId, "/", "/.well-known/openid-configuration"),
        (Kind::OAuth, "/tenant", "/.well-known/oauth-authorization-server/tenant"),
        (Kind::OAuth, "", "/.well-known/oauth-authorization-server"),
    ] {
        let server = Scripted::new([json(200, "{}")]).await;
        let issuer = format!("http://{}{path}", server.addr);
        assert!(matches!(discover(&issuer, kind, client()).await, Err(DiscoveryError::Malformed(_))));
        assert!(
            server.seen()[0].head.starts_with(&format!("GET {expected} HTTP/1.1\r\n")),
            "{}",
            server.seen()[0].head
        );
    }
}

#[tokio::test]
async fn failures_are_told_apart() {
    let ask = |act: Act| async move {
        let server = Scripted::new([act]).await;
        discover(&format!("http://{}", server.addr), Kind::OpenId, client()).await.unwrap_err()
    };
    let moved = answer(302, "location: https://evil.example/\r\n", "");
    assert!(matches!(ask(moved).await, DiscoveryError::Redirected { status: StatusCode::FOUND, .. }));
    assert!(matches!(ask(Act::Cut).await, DiscoveryError::Unreachable(_)));
    assert!(matches!(ask(json(200, &"x".repeat(300 * 1024))).await, DiscoveryError::Unreachable(_)));
    let insecure = discover("http://as.example", Kind::OpenId, client()).await;
    assert!(matches!(insecure, Err(DiscoveryError::Insecure)));
}
