//! What servers say of themselves, and what is told when they say something else.

use tokenflight_oauth2::discovery::{DiscoveryError, Kind, discover, discover_within};

use crate::prelude::*;

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

/// One character differs, or a template stands where a tenant should: the reader must see both.
#[test]
fn an_error_names_both_issuers() {
    for (asked, found) in [
        ("https://as.example/login/v1/sandbox/", "https://as.example/login/v1"),
        ("https://login.microsoftonline.com/common/v2.0", "https://login.microsoftonline.com/{tenantid}/v2.0"),
    ] {
        let document = format!(r#"{{"issuer":"{found}","token_endpoint":"https://as.example/token"}}"#);
        let error = Metadata::parse(asked, document.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(asked) && error.contains(found), "{error}");
    }
    let long =
        format!(r#"{{"issuer":"https://x/{}\u0007","token_endpoint":"https://as.example/token"}}"#, "y".repeat(999));
    let error = Metadata::parse("https://as.example", long.as_bytes()).unwrap_err().to_string();
    assert!(error.len() < 600 && !error.contains('\u{7}'), "{error}");
}

#[tokio::test]
async fn a_document_that_has_moved_is_followed_within_its_origin() {
    for status in [301, 302, 303, 307, 308] {
        for absolute in [false, true] {
            let server = Scripted::new([json(500, "")]).await;
            let base = if absolute { format!("http://{}", server.addr) } else { String::new() };
            let moved = answer(status, &format!("location: {base}/index.php/openid\r\n"), "");
            let issuer = format!("http://{}", server.addr);
            let document = format!(r#"{{"issuer":"{issuer}","token_endpoint":"{issuer}/token"}}"#);
            server.follow([moved, json(200, &document)]);
            let found = discover(&issuer, Kind::OpenId, client()).await.unwrap();
            assert_eq!(found.issuer(), issuer);
            assert!(server.seen()[1].head.starts_with("GET /index.php/openid "), "{status}");
        }
    }
    let circle = answer(302, "location: /.well-known/openid-configuration\r\n", "");
    let server = Scripted::new([circle]).await;
    let error = discover(&format!("http://{}", server.addr), Kind::OpenId, client()).await.unwrap_err();
    assert!(matches!(error, DiscoveryError::Redirected { .. }) && server.seen().len() == 4, "{error}");
    let away = answer(302, "location: https://other.example/login?token=s3cr3t\r\n", "");
    let server = Scripted::new([away]).await;
    let error = discover(&format!("http://{}", server.addr), Kind::OpenId, client()).await.unwrap_err().to_string();
    assert!(error.contains("https://other.example/login") && !error.contains("s3cr3t"), "{error}");
}

#[tokio::test]
async fn what_is_no_issuer_is_called_so() {
    for issuer in ["https://as.example/tenant?p=b2c_1_signin", "https://as.example/#x"] {
        let error = discover(issuer, Kind::OpenId, client()).await.unwrap_err();
        assert!(matches!(error, DiscoveryError::NotAnIssuer(_)), "{issuer}: {error}");
    }
}

#[test]
fn members_that_are_null_or_empty_are_absent() {
    let document = r#"{"issuer":"https://as.example","token_endpoint":"https://as.example/t",
        "token_endpoint_auth_methods_supported":null,"mtls_endpoint_aliases":null,"revocation_endpoint":"",
        "authorization_endpoint":null,"authorization_response_iss_parameter_supported":null}"#;
    for mark in ["", "\u{feff}"] {
        let metadata = Metadata::parse("https://as.example", format!("{mark}{document}").as_bytes()).unwrap();
        assert_eq!((metadata.revocation_endpoint(), metadata.authorization_endpoint()), (None, None));
        assert!(metadata.auth_methods().is_empty() && !metadata.names_issuer());
    }
    let without = r#"{"issuer":"https://as.example","token_endpoint":""}"#;
    assert!(matches!(Metadata::parse("https://as.example", without.as_bytes()), Err(DiscoveryError::Malformed(_))));
}

/// RFC 8705 §5: all endpoints, not only that of tokens.
#[test]
fn endpoints_for_certificates_take_the_place_of_the_others() {
    let document = r#"{"issuer":"https://as.example","token_endpoint":"https://as.example/t",
        "revocation_endpoint":"https://as.example/r","device_authorization_endpoint":"https://as.example/d",
        "mtls_endpoint_aliases":{"token_endpoint":"https://mtls.example/t","revocation_endpoint":"https://mtls.example/r"}}"#;
    let metadata = Metadata::parse("https://as.example", document.as_bytes()).unwrap().for_mtls();
    assert_eq!(metadata.token_endpoint(), "https://mtls.example/t");
    assert_eq!(metadata.revocation_endpoint(), Some("https://mtls.example/r"));
    assert_eq!(metadata.device_authorization_endpoint(), Some("https://as.example/d"));
    let insecure = document.replace("https://mtls.example/r", "http://mtls.example/r");
    assert!(matches!(Metadata::parse("https://as.example", insecure.as_bytes()), Err(DiscoveryError::Insecure)));
}

#[tokio::test]
async fn discovery_ends_although_the_server_never_answers() {
    let server = Scripted::new([Act::Stall]).await;
    let issuer = format!("http://{}", server.addr);
    let time = ManualTime::new(1);
    let clock = async {
        server.reached(1).await;
        time.advance(Duration::from_secs(9));
        tokio::task::yield_now().await;
        time.advance_to_next();
        std::future::pending::<()>().await
    };
    let before = time.now().boot;
    let error = tokio::select! {
        found = discover_within(Duration::from_secs(10), &time, &issuer, Kind::OAuth, client()) => found.unwrap_err(),
        () = clock => unreachable!(),
    };
    assert!(matches!(error, DiscoveryError::TimedOut), "{error}");
    assert_eq!(time.now().boot - before, Duration::from_secs(10));
}

/// Without a clock of the caller's it is tokio's, which passes at once here.
#[tokio::test(start_paused = true)]
async fn discovery_has_a_limit_by_default() {
    let before = tokio::time::Instant::now();
    let never = tower::service_fn(|_: Request<Full<Bytes>>| {
        std::future::pending::<Result<Response<Full<Bytes>>, std::io::Error>>()
    });
    let error = discover("https://as.example", Kind::OAuth, never).await.unwrap_err();
    assert!(matches!(error, DiscoveryError::TimedOut), "{error}");
    assert_eq!(before.elapsed(), Duration::from_secs(30));
}
