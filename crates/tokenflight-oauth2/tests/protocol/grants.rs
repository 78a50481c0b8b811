//! The requests of each grant, byte for byte where it matters, and what a refusal means for each.

use tokenflight::{ReusePolicy, grant_fn};

use crate::{prelude::*, support::Seen};

use proptest::prelude::*;

const GOOD: &str = r#"{"access_token":"access-1"}"#;

async fn ask(grant: &OAuthGrant, token: Option<&str>) -> Result<TokenSet, GrantError> {
    grant.request(&TokenRequest::new(token.map(RefreshToken::new), Reason::Due)).await
}

/// The one request that this grant makes.
async fn sent(grant: impl FnOnce(TokenEndpoint) -> OAuthGrant, token: Option<&str>) -> Seen {
    let server = Scripted::new([json(200, GOOD)]).await;
    let grant = grant(server.endpoint());
    ask(&grant, token).await.unwrap();
    let mut seen = server.seen();
    assert_eq!(seen.len(), 1);
    seen.remove(0)
}

#[tokio::test]
async fn a_refresh_is_one_form_with_each_parameter_once() {
    let seen = sent(
        |endpoint| {
            let grant = endpoint.client(ClientAuth::public("me")).refresh_token();
            grant.scope("a").scope("b c").resource("https://api.example/").parameter("refresh_token", "mine")
        },
        Some("r%/+ 1"),
    )
    .await;
    assert!(seen.head.starts_with("POST /token HTTP/1.1\r\n"), "{}", seen.head);
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(seen.header("accept"), Some("application/json"));
    assert_eq!(seen.header("accept-encoding"), Some("identity"));
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.field("grant_type").as_deref(), Some("refresh_token"));
    assert_eq!(
        seen.field("refresh_token").as_deref(),
        Some("r%/+ 1"),
        "the session's own, whatever else was asked for"
    );
    assert_eq!(seen.field("scope").as_deref(), Some("b c"));
    assert_eq!(seen.field("resource").as_deref(), Some("https://api.example/"));
    assert_eq!(seen.field("client_id").as_deref(), Some("me"));
}

/// A scope could only narrow what was granted (RFC 6749 §6).
#[tokio::test]
async fn a_refresh_asks_for_no_scope_by_itself() {
    let seen = sent(TokenEndpoint::refresh_token, Some("r")).await;
    assert_eq!(seen.body, "grant_type=refresh_token&refresh_token=r");
}

/// RFC 6749 §2.3.1.
#[tokio::test]
async fn basic_is_form_encoded_first_unless_the_server_does_not_decode() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    for (auth, expected) in [
        (ClientAuth::basic("i:d", "s %&ä"), "i%3Ad:s+%25%26%C3%A4"),
        (ClientAuth::plain_basic("id", "s %&ä"), "id:s %&ä"),
    ] {
        let seen = sent(|endpoint| endpoint.client(auth).refresh_token(), Some("r")).await;
        let encoded = seen.header("authorization").unwrap().strip_prefix("Basic ").unwrap();
        assert_eq!(String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap(), expected);
        assert_eq!(seen.field("client_id"), None);
    }
    let seen = sent(|endpoint| endpoint.client(ClientAuth::post("id", "s %&ä")).refresh_token(), Some("r")).await;
    assert_eq!(seen.field("client_secret").as_deref(), Some("s %&ä"));
    assert_eq!((seen.field("client_id").as_deref(), seen.header("authorization")), (Some("id"), None));
}

/// RFC 6749 §4.4.
#[tokio::test]
async fn client_credentials_need_no_login_and_are_asked_for_anew() {
    let server = Scripted::new([json(200, r#"{"access_token":"access-1","expires_in":300}"#)]).await;
    let grant = server.endpoint().client(ClientAuth::basic("id", "s")).client_credentials();
    assert_eq!(grant.reuse_policy(), Some(ReusePolicy::NonRotating));
    let session = Session::builder(grant.scope("read").audience("https://api.example")).build().unwrap();
    assert_eq!(session.token().await.unwrap().access().expose(), "access-1");
    let seen = &server.seen()[0];
    assert_eq!(seen.body, "scope=read&audience=https%3A%2F%2Fapi.example&grant_type=client_credentials");
}

/// RFC 7523 §3: an assertion counts once.
#[tokio::test]
async fn a_jwt_bearer_grant_takes_a_fresh_assertion_each_time() {
    let server = Scripted::new([json(200, GOOD)]).await;
    let made = Arc::new(AtomicUsize::new(0));
    let source = move || {
        let number = made.fetch_add(1, Ordering::SeqCst);
        async move { Ok::<_, BoxError>(format!("assertion-{number}")) }
    };
    let grant = server.endpoint().jwt_bearer(source);
    assert!(!grant.needs_refresh_token());
    for number in 0..2 {
        ask(&grant, None).await.unwrap();
        let seen = &server.seen()[number];
        assert_eq!(seen.field("grant_type").as_deref(), Some("urn:ietf:params:oauth:grant-type:jwt-bearer"));
        assert_eq!(seen.field("assertion"), Some(format!("assertion-{number}")));
    }
}

/// What a time limit, or a panic, means before and after the request has left.
#[tokio::test]
async fn a_request_counts_as_sent_from_the_moment_the_client_has_it() {
    let server = Scripted::new([Act::Stall]).await;
    let endpoint = server.endpoint();
    let key_store = || std::future::pending::<Result<String, BoxError>>();
    for (grant, class) in [
        (endpoint.clone().jwt_bearer(key_store), FailureClass::NotSent),
        (endpoint.refresh_token(), FailureClass::Ambiguous),
    ] {
        let request = TokenRequest::new(Some(RefreshToken::new("r")), Reason::Due);
        tokio::select! {
            biased;
            _ = grant.request(&request) => unreachable!("no answer comes"),
            () = tokio::task::yield_now() => {}
        }
        assert_eq!(request.class_without_answer(), class);
    }
}

/// The subject token is another session's, which renews it by itself.
#[tokio::test]
async fn a_token_exchange_presents_another_sessions_token() {
    let server = Scripted::new([
        json(200, r#"{"access_token":"subject","refresh_token":"refresh-1","expires_in":300}"#),
        json(200, r#"{"access_token":"exchanged","issued_token_type":"x","token_type":"Bearer","expires_in":60}"#),
        json(200, r#"{"access_token":"no bearer","issued_token_type":"x","token_type":"N_A"}"#),
    ])
    .await;
    let endpoint = || server.endpoint().client(ClientAuth::public("me"));
    let subject = Session::builder(endpoint().refresh_token()).build().unwrap();
    subject.login(TokenSet::new("old").refresh_token("refresh-0").expires_in(Duration::ZERO)).await.unwrap();
    let source = move || {
        let subject = subject.clone();
        async move { Ok::<_, BoxError>(subject.refresh().await?.access().expose().to_owned()) }
    };
    let grant = endpoint().token_exchange("urn:ietf:params:oauth:token-type:access_token", source).audience("b");
    let session = Session::builder(grant).build().unwrap();
    assert_eq!(session.token().await.unwrap().access().expose(), "exchanged");
    let seen = &server.seen()[1];
    assert_eq!(seen.field("subject_token").as_deref(), Some("subject"));
    assert_eq!(seen.field("subject_token_type").as_deref(), Some("urn:ietf:params:oauth:token-type:access_token"));
    assert_eq!(seen.field("audience").as_deref(), Some("b"));
}

#[tokio::test]
async fn what_a_session_has_no_place_for_is_told_and_a_panic_loses_nothing() {
    let answer = r#"{"access_token":"access-1","refresh_token":"refresh-1","instance_url":"https://x.example"}"#;
    let server = Scripted::new([json(200, answer)]).await;
    let (told, hears) = std::sync::mpsc::channel();
    let grant = server.endpoint().refresh_token().on_tokens(move |set| {
        told.send(set.extra_members().unwrap().to_owned()).unwrap();
        panic!("a listener");
    });
    let session = Session::builder(grant).build().unwrap();
    session.login(TokenSet::new("access-0").refresh_token("refresh-0")).await.unwrap();
    assert_eq!(session.refresh().await.unwrap().access().expose(), "access-1");
    assert_eq!(hears.recv().unwrap(), r#"{"instance_url":"https://x.example"}"#);
}

#[test]
fn secrets_go_to_safe_addresses_only() {
    let new = |url| TokenEndpoint::new(url, client()).map(|_| ());
    for url in [
        "https://as.example/token",
        "http://127.0.0.1:1/t",
        "http://[::1]/t",
        "http://localhost/t",
        "HTTPS://as.example",
    ] {
        assert_eq!(new(url), Ok(()), "{url}");
    }
    for url in
        ["http://as.example/token", "http://127.0.0.1.example/t", "http://localhost.example/t", "ftp://as.example/t"]
    {
        assert_eq!(new(url), Err(EndpointError::Insecure), "{url}");
    }
    for url in ["", "/token", "as.example/token", "https://me:secret@as.example/token", "https://as.example/token#x"] {
        assert!(new(url).is_err(), "{url}");
    }
}

/// The session takes over what the grant knows of its server, unless it is told otherwise.
#[test]
fn the_providers_reuse_policy_is_the_sessions() {
    let grant =
        |provider| TokenEndpoint::new("https://as.example", client()).unwrap().provider(provider).refresh_token();
    let policy = |builder: tokenflight::SessionBuilder| format!("{builder:?}");
    assert!(policy(Session::builder(grant(provider::OKTA))).contains("Grace { window: 30s }"));
    assert!(policy(Session::builder(grant(provider::GOOGLE))).contains("NonRotating"));
    assert!(policy(Session::builder(grant(provider::UNKNOWN))).contains("Strict"));
    assert!(policy(Session::builder(grant(provider::OKTA)).reuse_policy(ReusePolicy::Strict)).contains("Strict"));
}

#[test]
fn a_grant_names_the_client_that_presents_its_tokens() {
    let endpoint = || TokenEndpoint::new("https://as.example/token", client()).unwrap();
    let named = endpoint().client(ClientAuth::basic("mobile app", "s3cr3t")).refresh_token();
    assert_eq!(named.client_id(), Some("mobile app"));
    assert_eq!(Arc::new(named).client_id(), Some("mobile app"), "shared grants pass it on");
    assert_eq!(endpoint().refresh_token().client_id(), None);
    let function = grant_fn(|_| async { Ok(TokenSet::new("a")) });
    assert_eq!(function.client_id(), None);
    assert_eq!(function.presented_by("me").client_id(), Some("me"));
}

#[test]
fn nothing_secret_is_formatted() {
    let endpoint = TokenEndpoint::new("https://as.example/token?key=canary", client())
        .unwrap()
        .client(ClientAuth::post("id", "canary"))
        .header(http::header::HeaderName::from_static("apikey"), http::HeaderValue::from_static("canary"));
    for text in [format!("{endpoint:?}"), format!("{:?}", endpoint.refresh_token().parameter("x", "canary"))] {
        assert!(!text.contains("canary"), "{text}");
        assert!(text.contains("as.example"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every byte that a token or a secret can have arrives as it is.
    #[test]
    fn tokens_and_secrets_round_trip_through_the_form(token in "[ -~]{1,80}", secret in "[ -~]{1,80}") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let auth = ClientAuth::post("id", secret.clone());
        let seen = runtime.block_on(sent(|endpoint| endpoint.client(auth).refresh_token(), Some(&token)));
        prop_assert_eq!(seen.field("refresh_token"), Some(token));
        prop_assert_eq!(seen.field("client_secret"), Some(secret));
    }
}

/// There is no login that could be over: the next attempt may succeed, and so does a new process on
/// the same store.
#[tokio::test]
async fn what_needs_no_login_is_not_ended_by_a_refusal() {
    let refused = r#"{"error":"invalid_grant","error_description":"Invalid JWT: check your iat and exp values."}"#;
    let fine = || json(200, r#"{"access_token":"fine","expires_in":3600}"#);
    for kind in 0..3 {
        let server = Scripted::new([json(400, refused), fine()]).await;
        let store = MemoryStore::new();
        let session = || {
            let endpoint = server.endpoint();
            let source = || async { Ok::<_, BoxError>("assertion".to_owned()) };
            let grant = match kind {
                0 => endpoint.client_credentials(),
                1 => endpoint.jwt_bearer(source),
                _ => endpoint.token_exchange("urn:ietf:params:oauth:token-type:jwt", source),
            };
            Session::builder(grant).store(store.clone()).build().unwrap()
        };
        let first = session();
        let error = first.token().await.unwrap_err();
        assert!(!error.needs_login() && error.class() == Some(FailureClass::Config), "{error:?}");
        assert_eq!(session().token().await.unwrap().access().expose(), "fine");
    }
}

/// A source that hands out the refused assertion again is not asked on its behalf: one attempt for
/// each, unless the user wants it. The refusal of dates says so.
#[tokio::test]
async fn a_refused_assertion_is_presented_once() {
    let refused =
        json(400, r#"{"error":"invalid_grant","error_description":"Invalid JWT: check your iat and exp values."}"#);
    let server = Scripted::new([refused.clone(), refused, json(200, GOOD)]).await;
    let made = Arc::new(AtomicUsize::new(1));
    let count = Arc::clone(&made);
    let source = move || {
        let text = format!("assertion-{}", count.load(Ordering::SeqCst));
        async move { Ok::<_, BoxError>(text) }
    };
    let grant = server.endpoint().jwt_bearer(source);
    let error = ask(&grant, None).await.unwrap_err();
    let why = std::error::Error::source(&error).unwrap().to_string();
    assert!(why.contains("clock of this machine"), "{why}");
    for _ in 0..3 {
        assert_eq!(ask(&grant, None).await.unwrap_err().class(), FailureClass::Config);
    }
    assert_eq!(server.seen().len(), 1);
    let forced = grant.request(&TokenRequest::new(None, Reason::Forced)).await;
    assert!(forced.is_err() && server.seen().len() == 2);
    made.store(2, Ordering::SeqCst);
    assert!(ask(&grant, None).await.is_ok());
    assert_eq!(server.seen()[2].field("assertion").as_deref(), Some("assertion-2"));
}

/// RFC 8693 §2.2.1: an exchange may issue anything, and only an access token goes to an API.
#[tokio::test]
async fn an_exchange_that_issues_no_access_token_is_refused() {
    let urn = |kind: &str| format!("urn:ietf:params:oauth:token-type:{kind}");
    for (issued, requested, taken) in [
        (urn("access_token"), None, true),
        (urn("jwt"), None, true),
        ("urn:example:own".to_owned(), None, true),
        (urn("refresh_token"), None, false),
        (urn("id_token"), None, false),
        (urn("saml2"), None, false),
        (urn("id_token"), Some(urn("id_token")), true),
        (urn("refresh_token"), Some(urn("access_token")), false),
    ] {
        let body = format!(
            r#"{{"access_token":"a","refresh_token":"r","issued_token_type":"{issued}","token_type":"Bearer"}}"#
        );
        let server = Scripted::new([json(200, &body)]).await;
        let source = || async { Ok::<_, BoxError>("subject".to_owned()) };
        let mut grant = server.endpoint().token_exchange("x", source);
        if let Some(requested) = requested {
            grant = grant.parameter("requested_token_type", requested);
        }
        match ask(&grant, None).await {
            Ok(_) => assert!(taken, "{issued}"),
            Err(error) => {
                assert!(!taken && error.class() == FailureClass::Config, "{issued}: {error:?}");
                assert_eq!(error.rotated_token().unwrap().expose(), "r", "it is not lost");
            }
        }
    }
}

/// The login lives, and the program learns what to ask the user for.
#[tokio::test]
async fn a_server_that_wants_the_user_says_for_what() {
    let body = r#"{"error":"interaction_required","error_codes":[50076],"suberror":"basic_action","claims":"{\"access_token\":{}}"}"#;
    let server = Scripted::new([json(400, body)]).await;
    let endpoint = server.endpoint().provider(provider::ENTRA_ID);
    let grant = endpoint.refresh_token().scope("https://api/.default");
    let error = ask(&grant, Some("r")).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Interaction);
    assert_eq!(error.wanted_claims(), Some(r#"{"access_token":{}}"#));
    assert_eq!(error.wanted_scope(), Some("https://api/.default"));
}

/// Figma refreshes elsewhere, Atlassian wants no scope, Zendesk always wants a lifetime.
#[tokio::test]
async fn a_row_says_where_and_with_what_is_refreshed() {
    let server = Scripted::new([json(200, GOOD)]).await;
    let base = format!("http://{}", server.addr);
    static ELSEWHERE: provider::Provider = provider::Provider {
        endpoints: provider::Endpoints {
            token: Some("{base}/token"),
            refresh: Some("{base}/refresh"),
            ..provider::Endpoints::NONE
        },
        sends: &[("expires_in", "1800")],
        withholds: &["scope"],
        ..*provider::UNKNOWN
    };
    let preset = || TokenEndpoint::preset(&ELSEWHERE, &base, client()).unwrap();
    ask(&preset().refresh_token().scope("a"), Some("r")).await.unwrap();
    ask(&preset().client_credentials().scope("a"), None).await.unwrap();
    let seen = server.seen();
    assert!(seen[0].head.starts_with("POST /refresh ") && seen[1].head.starts_with("POST /token "));
    assert_eq!((seen[0].field("scope"), seen[1].field("scope").as_deref()), (None, Some("a")));
    assert_eq!(seen[0].field("expires_in").as_deref(), Some("1800"));
}
