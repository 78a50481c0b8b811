//! Clients that have to say who they are.

use tokenflight::time::TokioTime;
use tokenflight_oauth2::{Algorithm, AssertionKey};

use crate::fixture::*;

on_both!(
    a_client_gets_tokens_for_itself,
    a_secret_is_encoded_as_both_sides_understand_it,
    a_wrong_secret_costs_no_session,
);

async fn a_client_gets_tokens_for_itself(kind: Kind) {
    let server = Setup::new(kind, 60).start().await;
    let auth = ClientAuth::basic("machine", server.secret("machine"));
    let user = User::new(&server, public(&server).client(auth).client_credentials());
    // Without a login.
    let (status, body) = user.get().await;
    assert_eq!((status, &body["client"]), (StatusCode::OK, &"machine".into()), "{body}");
    let first = user.access().await.unwrap();
    user.session.refresh().await.unwrap();
    assert_ne!(user.access().await.unwrap(), first);
    let log = server.log().await;
    assert_eq!((log.credentials, log.denied), (2, 0), "{log:?}");
}

fn basic(server: &Server, auth: ClientAuth) -> OAuthGrant {
    public(server).client(auth).refresh_token()
}

async fn a_secret_is_encoded_as_both_sides_understand_it(kind: Kind) {
    let server = Setup::new(kind, 60).start().await;
    let secret = server.secret("basic");
    assert!(secret.contains([' ', ':', '%', '+']), "this proves nothing");
    let user = User::logged_in(&server, basic(&server, ClientAuth::basic("basic", secret)), "basic").await;
    let first = user.access().await.unwrap();
    user.session.refresh().await.unwrap();
    assert_ne!(user.access().await.unwrap(), first);
    let (status, body) = user.get().await;
    assert_eq!((status, &body["client"]), (StatusCode::OK, &"basic".into()), "{body}");
    assert_eq!(server.log().await.refreshes, 1);
}

/// It is the client that is set up wrong, and the user has done nothing.
async fn a_wrong_secret_costs_no_session(kind: Kind) {
    let server = Setup::new(kind, 60).start().await;
    let user = User::logged_in(&server, basic(&server, ClientAuth::basic("basic", "guessed")), "basic").await;
    let error = user.session.refresh().await.unwrap_err();
    assert_eq!(error.class(), Some(FailureClass::Config), "{error:?}");
    assert!(!error.needs_login());
    assert_eq!(user.get().await.0, StatusCode::OK, "the current token is served");
    let log = server.log().await;
    assert_eq!((log.denied, log.refreshes, log.reuses), (1, 0, 0), "{log:?}");
}

/// A key for tests, trusted only by the servers that these tests start; and its public half.
const KEY: &str = include_str!("../protocol/test-key.pem");
const JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"loopback",
    "x":"MOfgoAWrdSDmp2F_73d8clxfkIGXslObMs7q_3-HLBQ","y":"0lVjpDerpbb_iopvdSZQMxw6mK-HkQokbs7gB7JviAo"}]}"#;

fn signed() -> ClientAuth {
    let key = AssertionKey::from_pem(Algorithm::ES256, KEY.as_bytes(), Arc::new(TokioTime::new())).unwrap();
    ClientAuth::assertion("jwt", key.key_id("loopback"))
}

/// The server takes each assertion once.
async fn signs_each_time(server: &Server, endpoint: TokenEndpoint) {
    let user = User::logged_in(server, endpoint.client(signed()).refresh_token(), "jwt").await;
    for _ in 0..3 {
        user.session.refresh().await.unwrap();
        let (status, body) = user.get().await;
        assert_eq!((status, &body["client"]), (StatusCode::OK, &"jwt".into()), "{body}");
    }
}

#[test]
fn an_assertion_is_made_for_the_issuer_where_it_is_known_and_else_for_the_endpoint() {
    run(Kind::OidcProvider, async |kind| {
        let server = Setup { jwks: Some(JWKS.to_owned()), ..Setup::new(kind, 60) }.start().await;
        let metadata = discovery::discover(&server.at.issuer, discovery::Kind::OpenId, client()).await.unwrap();
        assert!(metadata.auth_methods().iter().any(|method| method == "private_key_jwt"));
        signs_each_time(&server, TokenEndpoint::discovered(&metadata, client()).unwrap()).await;
        signs_each_time(&server, TokenEndpoint::new(&server.at.token, client()).unwrap()).await;
        let log = server.log().await;
        assert_eq!((log.refreshes, log.denied), (6, 0), "{log:?}");
    });
}
