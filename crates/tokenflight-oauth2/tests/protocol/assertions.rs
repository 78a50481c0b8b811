//! `private_key_jwt` and `client_secret_jwt` (RFC 7523).

use std::collections::HashSet;

use jsonwebtoken::{DecodingKey, EncodingKey, Validation};
use tokenflight_oauth2::{Algorithm, AssertionKey, auth::Signer};

use crate::prelude::*;

/// Made for this test by
/// `openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt`.
const PRIVATE: &str = include_str!("test-key.pem");
const PUBLIC: &str = include_str!("test-key.pub.pem");

/// The assertions of two requests.
async fn assertions(key: AssertionKey, issuer: Option<&str>) -> (Vec<String>, String) {
    let server = Scripted::new([json(200, r#"{"access_token":"a"}"#)]).await;
    let mut endpoint = server.endpoint().client(ClientAuth::assertion("me", key));
    if let Some(issuer) = issuer {
        endpoint = endpoint.issuer(issuer);
    }
    let grant = endpoint.refresh_token();
    for _ in 0..2 {
        grant.request(&TokenRequest::new(Some(RefreshToken::new("r")), Reason::Due)).await.unwrap();
    }
    let seen = server.seen();
    for request in &seen {
        assert_eq!(request.field("client_id").as_deref(), Some("me"));
        let kind = request.field("client_assertion_type");
        assert_eq!(kind.as_deref(), Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer"));
    }
    (seen.iter().map(|request| request.field("client_assertion").unwrap()).collect(), server.url())
}

fn claims(token: &str, key: &DecodingKey, algorithm: Algorithm) -> Value {
    let mut validation = Validation::new(algorithm);
    // The clock of the test stands in 2023, and the audience is what the test looks at.
    (validation.validate_exp, validation.validate_aud) = (false, false);
    jsonwebtoken::decode(token, key, &validation).unwrap().claims
}

#[tokio::test]
async fn every_request_has_an_assertion_of_its_own() {
    let time = ManualTime::new(1);
    let now = time.now().wall.as_secs();
    let key = AssertionKey::from_pem(Algorithm::ES256, PRIVATE.as_bytes(), time.shared()).unwrap().key_id("key-1");
    let public = DecodingKey::from_ec_pem(PUBLIC.as_bytes()).unwrap();
    let (tokens, url) = assertions(key.clone(), None).await;
    let mut names = HashSet::new();
    for token in &tokens {
        let claims = claims(token, &public, Algorithm::ES256);
        assert_eq!((claims["iss"].as_str(), claims["sub"].as_str()), (Some("me"), Some("me")));
        assert_eq!(claims["aud"].as_str(), Some(&*url));
        assert_eq!((claims["iat"].as_u64(), claims["exp"].as_u64()), (Some(now - 10), Some(now + 60)));
        assert!(names.insert(claims["jti"].as_str().unwrap().to_owned()), "a `jti` came twice");
        let header: Value = serde_json::from_slice(&BASE64.decode(token.split('.').next().unwrap()).unwrap()).unwrap();
        assert_eq!(header["kid"].as_str(), Some("key-1"));
    }
    // The issuer, where it is known.
    let (tokens, _) = assertions(key.clone(), Some("https://as.example")).await;
    assert_eq!(claims(&tokens[0], &public, Algorithm::ES256)["aud"].as_str(), Some("https://as.example"));
    let (tokens, _) = assertions(key.audience("someone"), Some("https://as.example")).await;
    assert_eq!(claims(&tokens[0], &public, Algorithm::ES256)["aud"].as_str(), Some("someone"));
}

/// What servers look for in the header: Entra the certificate's thumbprints, some their own type.
#[tokio::test]
async fn the_header_says_what_a_server_wants_to_see() {
    let key = || AssertionKey::from_pem(Algorithm::ES256, PRIVATE.as_bytes(), ManualTime::new(1).shared()).unwrap();
    let usual = assertions(key(), None).await.0.remove(0);
    let own = key().key_id("k").certificate_sha256("sha-256").certificate_sha1("sha-1").token_type("client-auth+jwt");
    let own = assertions(own, None).await.0.remove(0);
    let header = |token: &str| -> Value {
        serde_json::from_slice(&BASE64.decode(token.split('.').next().unwrap()).unwrap()).unwrap()
    };
    let wanted = serde_json::json!({
        "alg": "ES256", "kid": "k", "typ": "client-auth+jwt", "x5t": "sha-1", "x5t#S256": "sha-256",
    });
    assert_eq!((header(&own), header(&usual)), (wanted, serde_json::json!({"alg": "ES256", "typ": "JWT"})));
}

/// For servers whose clock is behind. The end counts from now and is not moved with the beginning.
#[tokio::test]
async fn the_beginning_of_an_assertion_can_be_set_and_does_not_move_its_end() {
    let time = ManualTime::new(1);
    let now = time.now().wall.as_secs();
    let secret = b"a secret of thirty-two characters";
    let key = AssertionKey::from_secret(secret, time.shared()).unwrap();
    let key = key.issued_ago(Duration::from_secs(45)).lifetime(Duration::from_secs(300));
    let (tokens, _) = assertions(key, None).await;
    let claims = claims(&tokens[0], &DecodingKey::from_secret(secret), Algorithm::HS256);
    assert_eq!((claims["iat"].as_u64(), claims["exp"].as_u64()), (Some(now - 45), Some(now + 300)));
}

/// A key in a key service. What it answers is the signature of the very text before it.
#[tokio::test]
async fn a_key_that_stays_in_its_place_signs_for_each_attempt() {
    struct Service(EncodingKey);
    impl Signer for Service {
        fn sign<'a>(&'a self, message: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, BoxError>> {
            Box::pin(async move {
                tokio::task::yield_now().await;
                let signature = jsonwebtoken::crypto::sign(message, &self.0, Algorithm::ES256)?;
                Ok(BASE64.decode(signature)?)
            })
        }
    }
    let service = Service(EncodingKey::from_ec_pem(PRIVATE.as_bytes()).unwrap());
    let key =
        AssertionKey::from_signer(Algorithm::ES256, service, ManualTime::new(1).shared()).key_id("in-the-service");
    let (tokens, url) = assertions(key, None).await;
    let public = DecodingKey::from_ec_pem(PUBLIC.as_bytes()).unwrap();
    for token in &tokens {
        assert_eq!(claims(token, &public, Algorithm::ES256)["aud"].as_str(), Some(&*url));
        assert_eq!(jsonwebtoken::decode_header(token).unwrap().kid.as_deref(), Some("in-the-service"));
    }
    assert_ne!(tokens[0], tokens[1]);
}

/// A service that is away ends nothing, and one that hangs does not take the whole attempt.
#[test]
fn a_key_that_is_out_of_reach_sends_nothing() {
    struct Away(bool);
    impl Signer for Away {
        fn sign<'a>(&'a self, _: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, BoxError>> {
            let hangs = self.0;
            Box::pin(async move { if hangs { std::future::pending().await } else { Err("no route".into()) } })
        }
    }
    for hangs in [false, true] {
        let time = ManualTime::new(1);
        let key = AssertionKey::from_signer(Algorithm::ES256, Away(hangs), time.shared());
        let endpoint = TokenEndpoint::new("https://as.example/token", client()).unwrap().time(time.shared());
        let grant = endpoint.client(ClientAuth::assertion("me", key)).refresh_token();
        let request = TokenRequest::new(Some(RefreshToken::new("r")), Reason::Due);
        let before = time.now().boot;
        let error = time.run(grant.request(&request)).unwrap_err();
        assert_eq!((error.class(), request.is_sent()), (FailureClass::NotSent, false));
        assert_eq!((time.now().boot - before).as_secs(), if hangs { 10 } else { 0 });
    }
}

#[tokio::test]
async fn a_secret_signs_as_well() {
    let time = Arc::new(ManualTime::new(1));
    let key = AssertionKey::from_secret(b"a secret of thirty-two characters", time).unwrap();
    let (tokens, _) = assertions(key, None).await;
    let secret = DecodingKey::from_secret(b"a secret of thirty-two characters");
    assert_eq!(claims(&tokens[0], &secret, Algorithm::HS256)["sub"].as_str(), Some("me"));
}

/// Found before a refresh token depends on it.
#[test]
fn a_key_that_cannot_sign_is_refused_when_it_is_read() {
    let new = |algorithm, pem: &str| AssertionKey::from_pem(algorithm, pem.as_bytes(), ManualTime::new(1).shared());
    for (algorithm, pem) in
        [(Algorithm::RS256, PRIVATE), (Algorithm::ES384, PRIVATE), (Algorithm::ES256, PUBLIC), (Algorithm::ES256, "")]
    {
        let error = new(algorithm, pem).map(|_| ()).unwrap_err();
        assert_eq!(error.to_string(), "the key cannot sign assertions with this algorithm", "{algorithm:?}");
    }
    let key = new(Algorithm::ES256, PRIVATE).unwrap();
    let body = PRIVATE.lines().nth(1).unwrap();
    assert!(!format!("{key:?} {:?}", ClientAuth::assertion("me", key.clone())).contains(body));
}
