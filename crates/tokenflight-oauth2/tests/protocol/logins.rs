//! Device codes and authorization codes (RFC 8628, RFC 7636, RFC 8252).

use std::time::Duration;

use tokenflight::{FailureClass, TokenSet};
use tokenflight_oauth2::{
    ClientAuth, TokenEndpoint,
    login::{Callback, CodeLogin, DeviceLogin, LoginError, Loopback},
};
use tokenflight_test::ManualTime;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::support::{Act, Scripted, client, json};

const GRANTED: &str = r#"{"device_code":"d3vice","user_code":"ABCD-EFGH","verification_uri":"https://as.example/d",
    "verification_uri_complete":"https://as.example/d?c=ABCD","expires_in":600,"interval":5}"#;

fn endpoint(server: &Scripted) -> TokenEndpoint {
    TokenEndpoint::new(&server.url(), client()).unwrap().client(ClientAuth::public("me"))
}

/// Plays a device login and tells how long it took by its own clock.
async fn device(answers: impl IntoIterator<Item = Act>) -> (Result<TokenSet, LoginError>, Duration, Scripted) {
    let server = Scripted::new([json(200, GRANTED)].into_iter().chain(answers)).await;
    let login = DeviceLogin::start(&endpoint(&server), &server.url(), Some("read")).await.unwrap();
    assert_eq!((login.user_code(), login.verification_uri()), ("ABCD-EFGH", "https://as.example/d"));
    assert_eq!(login.verification_uri_complete(), Some("https://as.example/d?c=ABCD"));
    assert!(!format!("{login:?}").contains("d3vice"));
    let (result, took) = wait(login).await;
    (result, took, server)
}

/// As fast as its clock allows.
async fn wait(login: DeviceLogin) -> (Result<TokenSet, LoginError>, Duration) {
    let time = ManualTime::new(1);
    let before = time.now().boot;
    let waiting = login.wait(&time);
    tokio::pin!(waiting);
    let result = loop {
        tokio::select! {
            biased;
            result = &mut waiting => break result,
            () = tokio::task::yield_now() => { if time.pending_sleeps() > 0 { time.advance_to_next(); } }
        }
    };
    (result, time.now().boot - before)
}

fn says(code: &str) -> Act {
    json(400, &format!(r#"{{"error":"{code}"}}"#))
}

#[tokio::test]
async fn a_device_waits_as_slowly_as_the_server_wants() {
    let answers = [
        says("authorization_pending"),
        says("slow_down"),
        says("authorization_pending"),
        Act::Cut,
        json(200, r#"{"access_token":"a","refresh_token":"r"}"#),
    ];
    let (result, took, server) = device(answers).await;
    assert_eq!(result.unwrap().refresh().unwrap().expose(), "r");
    // 5, 5, then 10 for ever, doubled after the cut.
    assert_eq!(took, Duration::from_secs(5 + 5 + 10 + 10 + 20));
    let seen = server.seen();
    assert_eq!((seen[0].field("client_id").as_deref(), seen[0].field("scope").as_deref()), (Some("me"), Some("read")));
    assert_eq!(seen[1].field("grant_type").as_deref(), Some("urn:ietf:params:oauth:grant-type:device_code"));
    assert_eq!(seen[1].field("device_code").as_deref(), Some("d3vice"));
    assert_eq!(seen.len(), 6);
}

/// A server that wants no pause would be asked as fast as the network goes.
#[tokio::test]
async fn a_device_that_need_not_wait_still_does() {
    let granted = GRANTED.replace(r#""interval":5"#, r#""interval":0"#).replace("600", "10");
    let server = Scripted::new([json(200, &granted), says("authorization_pending")]).await;
    let parameters = [("audience", "https://api")];
    let login = DeviceLogin::start_with(&endpoint(&server), &server.url(), None, &parameters).await.unwrap();
    let (result, took) = wait(login).await;
    assert!(matches!(result, Err(LoginError::Expired)));
    assert_eq!((took, server.seen().len()), (Duration::from_secs(10), 1 + 9));
    assert_eq!(server.seen()[0].field("audience").as_deref(), Some("https://api"));
}

#[tokio::test]
async fn a_device_login_ends_when_somebody_says_no_or_nobody_says_anything() {
    let (result, took, _) = device([says("access_denied")]).await;
    assert!(matches!(result, Err(LoginError::Denied(code)) if &*code == "access_denied"));
    assert_eq!(took, Duration::from_secs(5));
    assert!(matches!(device([says("expired_token")]).await.0, Err(LoginError::Expired)));
    let (result, took, server) = device([says("authorization_pending")]).await;
    assert!(matches!(result, Err(LoginError::Expired)));
    assert_eq!((took, server.seen().len()), (Duration::from_secs(600), 120));
    let (result, ..) = device([says("invalid_client")]).await;
    assert!(matches!(result, Err(LoginError::Request(error)) if error.class() == FailureClass::Config));
}

#[tokio::test]
async fn a_device_endpoint_that_refuses_or_answers_nonsense() {
    for (act, denied) in [(says("invalid_client"), true), (json(200, "{}"), false), (json(200, "<html>"), false)] {
        let server = Scripted::new([act]).await;
        let error = DeviceLogin::start(&endpoint(&server), &server.url(), None).await.unwrap_err();
        assert_eq!(matches!(error, LoginError::Request(_)), denied, "{error}");
        assert_eq!(matches!(error, LoginError::Malformed(_)), !denied, "{error}");
    }
    let server = Scripted::new([Act::Stall]).await;
    let error = DeviceLogin::start(&endpoint(&server), "http://as.example/device", None).await.unwrap_err();
    assert!(matches!(error, LoginError::Address(_)));
}

fn query(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?').unwrap().1;
    form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// What a browser gets for a path on the loopback port.
async fn browse(redirect: &str, path: &str) -> String {
    let authority = redirect.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let mut stream = TcpStream::connect(authority).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {authority}\r\n\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn a_browser_login_exchanges_the_code_of_its_own_state_only() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    use sha2::{Digest, Sha256};
    let server = Scripted::new([json(200, r#"{"access_token":"a","refresh_token":"r"}"#)]).await;
    let loopback = Loopback::bind().await.unwrap();
    let redirect = loopback.redirect_uri();
    let login =
        CodeLogin::start(&endpoint(&server), "https://as.example/authorize?x=1", &redirect, Some("read")).unwrap();
    let login = login.parameter("audience", "b&c");
    let url = login.url().to_owned();
    assert!(url.starts_with("https://as.example/authorize?x=1&response_type=code&"), "{url}");
    assert_eq!(query(&url, "client_id").as_deref(), Some("me"));
    assert_eq!(query(&url, "redirect_uri").as_ref(), Some(&redirect));
    assert_eq!((query(&url, "scope").as_deref(), query(&url, "audience").as_deref()), (Some("read"), Some("b&c")));
    assert_eq!(query(&url, "code_challenge_method").as_deref(), Some("S256"));
    let state = query(&url, "state").unwrap();

    let browser = async {
        // A connection that is opened and never used must not be in the way.
        let authority = redirect.strip_prefix("http://").unwrap().split('/').next().unwrap();
        let _idle = TcpStream::connect(authority).await.unwrap();
        assert!(browse(&redirect, "/favicon.ico").await.starts_with("HTTP/1.1 404 "));
        assert!(browse(&redirect, "/callback?code=evil&state=guessed").await.starts_with("HTTP/1.1 404 "));
        assert!(browse(&redirect, &format!("/elsewhere?code=c&state={state}")).await.starts_with("HTTP/1.1 404 "));
        let done = browse(&redirect, &format!("/callback?code=c%2F0de&state={state}")).await;
        assert!(done.starts_with("HTTP/1.1 200 ") && done.contains("answer has arrived"), "{done}");
        assert!(done.to_lowercase().contains("referrer-policy: no-referrer"));
    };
    let (callback, ()) = tokio::join!(loopback.answer(&login), browser);
    let tokens = login.finish(callback.unwrap()).await.unwrap();
    assert_eq!(tokens.refresh().unwrap().expose(), "r");

    let seen = &server.seen()[0];
    assert_eq!(seen.field("grant_type").as_deref(), Some("authorization_code"));
    assert_eq!(seen.field("code").as_deref(), Some("c/0de"));
    assert_eq!(seen.field("redirect_uri").as_ref(), Some(&redirect));
    let verifier = seen.field("code_verifier").unwrap();
    assert_eq!(query(&url, "code_challenge"), Some(BASE64.encode(Sha256::digest(verifier))));
}

#[tokio::test]
async fn what_comes_back_wrong_is_never_exchanged() {
    let server = Scripted::new([Act::Stall]).await;
    let login = || {
        let endpoint = endpoint(&server).issuer("https://as.example");
        CodeLogin::start(&endpoint, "https://as.example/authorize", "http://127.0.0.1/callback", None).unwrap()
    };
    let finish = |rest: &'static str| {
        let login = login();
        let state = query(login.url(), "state").unwrap();
        login.finish(Callback::parse(&format!("http://127.0.0.1/callback?{}#top", rest.replace("STATE", &state))))
    };
    assert!(matches!(finish("code=c&state=other").await, Err(LoginError::Malformed(_))));
    assert!(matches!(finish("code=c").await, Err(LoginError::Malformed(_))));
    assert!(matches!(finish("state=STATE").await, Err(LoginError::Malformed(_))));
    // RFC 9207: mixed up with another server.
    assert!(matches!(finish("code=c&state=STATE&iss=https://evil.example").await, Err(LoginError::Malformed(_))));
    let denied = finish("error=access_denied%0a&state=STATE").await;
    assert!(matches!(denied, Err(LoginError::Denied(code)) if &*code == "access_denied"));
    assert!(server.seen().is_empty());
    let start = CodeLogin::start(&endpoint(&server), "http://as.example/authorize", "http://127.0.0.1/callback", None);
    assert!(start.is_err());
    assert_ne!(query(login().url(), "state"), query(login().url(), "state"));
    let text = format!("{:?} {:?}", login(), Callback::parse("code=c4nary&state=c4nary"));
    assert!(!text.contains("c4nary"), "{text}");
}
