//! Authorization codes with PKCE and a loopback redirect (RFC 7636, RFC 8252, RFC 9207, RFC 8707).

use sha2::{Digest, Sha256};
use tokenflight::Secret;

use crate::{loopback, prelude::*};

pub(crate) fn endpoint(server: &Scripted) -> TokenEndpoint {
    server.endpoint().client(ClientAuth::public("me"))
}

pub(crate) fn query(url: &str, name: &str) -> Option<String> {
    let query = url.split_once('?').unwrap().1;
    form_urlencoded::parse(query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// What a browser gets for a path on the loopback port.
async fn browse(redirect: &str, path: &str) -> String {
    loopback::browse(redirect, "GET", path, "").await
}

#[tokio::test]
async fn a_browser_login_exchanges_the_code_of_its_own_state_only() {
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
        let _idle = TcpStream::connect(loopback::authority(&redirect)).await.unwrap();
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

const PAIR: &str = r#"{"access_token":"a","refresh_token":"r"}"#;
const AUTHORIZE: &str = "https://as.example/authorize";
const REDIRECT: &str = "http://127.0.0.1/callback";

/// A login, and what its callback must say.
fn begun(endpoint: &TokenEndpoint) -> (CodeLogin, String) {
    let login = CodeLogin::start(endpoint, AUTHORIZE, REDIRECT, None).unwrap();
    let state = query(login.url(), "state").unwrap();
    (login, state)
}

/// RFC 9207 §2.4: a promised issuer must be there, and be the right one, however it is known.
#[tokio::test]
async fn the_issuer_of_an_answer_is_believed_only_where_it_fits() {
    let server = Scripted::new([json(200, PAIR)]).await;
    let issuer = format!("http://{}", server.addr);
    let document = |promise: bool| {
        format!(
            r#"{{"issuer":"{issuer}","token_endpoint":"{issuer}/token","authorization_response_iss_parameter_supported":{promise}}}"#
        )
    };
    let discovered = |promise| {
        let metadata = Metadata::parse(&issuer, document(promise).as_bytes()).unwrap();
        TokenEndpoint::discovered(&metadata, client()).unwrap().client(ClientAuth::public("me"))
    };
    let told = || endpoint(&server).issuer("https://as.example/t");
    for (endpoint, iss, taken) in [
        (discovered(true), "".to_owned(), false),
        (discovered(false), "".to_owned(), true),
        (discovered(true), format!("&iss={issuer}"), true),
        (discovered(false), "&iss=https://evil.example".to_owned(), false),
        (told(), "&iss=https%3A%2F%2FAS.example%3A443%2Ft".to_owned(), true),
        (told(), "&iss=https://as.example/other".to_owned(), false),
        // No issuer is known, but the machines are.
        (endpoint(&server), "&iss=https://honest.example".to_owned(), false),
        (endpoint(&server), "&iss=https://as.example".to_owned(), true),
        (endpoint(&server), format!("&iss={issuer}/realm"), true),
        (endpoint(&server), "&iss=nonsense".to_owned(), false),
    ] {
        let (login, state) = begun(&endpoint);
        let outcome = login.finish(Callback::parse(&format!("code=c&state={state}{iss}"))).await;
        assert_eq!(outcome.is_ok(), taken, "{iss}: {outcome:?}");
        assert!(taken || matches!(outcome, Err(LoginError::Malformed(_))), "{iss}: {outcome:?}");
    }
}

#[tokio::test]
async fn an_answer_that_says_two_things_is_refused() {
    let server = Scripted::new([json(200, PAIR)]).await;
    for more in ["&code=d", "&state=x", "&iss=https://as.example&iss=https://as.example", "&error=a&error=b"] {
        let (login, state) = begun(&endpoint(&server));
        let outcome = login.finish(Callback::parse(&format!("code=c&state={state}{more}"))).await;
        assert!(
            matches!(&outcome, Err(LoginError::Malformed(what)) if what.contains("more than once")),
            "{more}: {outcome:?}"
        );
    }
    assert!(server.seen().is_empty());
}

/// Servers forget the state of a refusal; it is one all the same, and says why.
#[tokio::test]
async fn a_refusal_without_a_state_is_told_with_its_description() {
    let server = Scripted::new([Act::Stall]).await;
    for state in [true, false] {
        let (login, own) = begun(&endpoint(&server));
        let state = if state { format!("&state={own}") } else { String::new() };
        let text =
            format!("{REDIRECT}?error=access_denied&error_description=AADB2C90118%3a+forgotten%0d%0aId%3a+0{state}");
        let error = login.finish(Callback::parse(&text)).await.unwrap_err();
        assert!(error.to_string().contains("access_denied (AADB2C90118: forgottenId: 0)"), "{error}");
    }
    let (login, _) = begun(&endpoint(&server));
    let error = login.finish(Callback::parse("error=access_denied&state=other")).await.unwrap_err();
    assert!(matches!(error, LoginError::Malformed(_)), "of another login: {error}");
}

#[test]
fn a_callback_is_read_from_whatever_was_copied() {
    for (text, code) in [
        ("code=4/0A?b&state=s", "4/0A?b"),
        ("state=s&code=4/0A?b", "4/0A?b"),
        ("?code=c&state=s", "c"),
        ("  http://127.0.0.1/callback?state=s&code=a?b#top ", "a?b"),
        ("/callback?code=c&state=s&realmId=1", "c"),
        ("callback?code=c&state=s", "c"),
        ("http://127.0.0.1/callback#code=c&state=s", "c"),
    ] {
        let callback = Callback::parse(text);
        assert_eq!((callback.get("code"), callback.get("state")), (Some(code), Some("s")), "{text}");
    }
    assert_eq!(Callback::parse("/callback?code=c&state=s&realmId=123").get("realmId"), Some("123"));
    assert_eq!(Callback::parse("").get("code"), None);
}

/// RFC 8707 §2.2: what the user was asked for is asked for again, byte for byte.
#[tokio::test]
async fn resources_go_into_the_address_the_exchange_and_each_refresh() {
    let server = Scripted::new([json(200, PAIR)]).await;
    let endpoint = endpoint(&server).resource("https://api.example/a%20b/").audience("urn:x");
    let login = CodeLogin::start(&endpoint, AUTHORIZE, REDIRECT, None).unwrap();
    let login = login.resource("https://two.example").parameter("prompt", "consent").parameter("tenant", "t");
    let state = query(login.url(), "state").unwrap();
    let asked = login.url().to_owned();
    login.finish(Callback::parse(&format!("code=c&state={state}"))).await.unwrap();
    let refresh = endpoint.refresh_token();
    let request = TokenRequest::new(Some(RefreshToken::new("r")), Reason::Due);
    refresh.request(&request).await.unwrap();
    let values = |form: &str, name: &str| -> Vec<String> {
        form_urlencoded::parse(form.as_bytes())
            .filter(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
            .collect()
    };
    let both = ["https://api.example/a%20b/", "https://two.example"];
    let seen = server.seen();
    assert_eq!(values(asked.split_once('?').unwrap().1, "resource"), both);
    assert_eq!(values(&seen[0].body, "resource"), both);
    assert_eq!(values(&seen[1].body, "resource"), both[..1]);
    assert_eq!(
        (values(&seen[0].body, "audience"), values(&seen[1].body, "audience")),
        (vec!["urn:x".to_owned()], vec!["urn:x".to_owned()])
    );
    assert_eq!(seen[0].field("tenant").as_deref(), Some("t"));
    assert_eq!(seen[0].field("prompt"), None, "that only the user is asked with");
}

/// A web server begins in one request and ends in another, perhaps after a restart.
#[tokio::test]
async fn a_stored_login_is_finished_by_another_process() {
    let server = Scripted::new([json(200, PAIR)]).await;
    let (login, state) = begun(&endpoint(&server));
    let login = login.resource("https://api.example");
    let (stored, challenge) = (login.store(), query(login.url(), "code_challenge"));
    drop(login);
    let resumed = CodeLogin::resume(&endpoint(&server), &stored).unwrap();
    let callback = Callback::parse(&format!("code=c&state={state}"));
    assert!(resumed.expects(&callback));
    resumed.finish(callback).await.unwrap();
    let seen = &server.seen()[0];
    let verifier = seen.field("code_verifier").unwrap();
    assert_eq!(challenge, Some(BASE64.encode(Sha256::digest(verifier))));
    assert_eq!(seen.field("resource").as_deref(), Some("https://api.example"));
    assert_eq!(seen.field("redirect_uri").as_deref(), Some(REDIRECT));

    let other_client = endpoint(&server).client(ClientAuth::public("you"));
    let other_server = endpoint(&server).issuer("https://other.example");
    for endpoint in [other_client, other_server] {
        assert!(matches!(CodeLogin::resume(&endpoint, &stored), Err(LoginError::Malformed(_))));
    }
    for broken in ["", "{}", "null"] {
        assert!(CodeLogin::resume(&endpoint(&server), &Secret::new(broken)).is_err());
    }
}

/// By the endpoint's own clock, so that no test has to wait for it.
#[tokio::test]
async fn an_exchange_that_is_never_answered_ends() {
    let server = Scripted::new([Act::Stall]).await;
    let time = ManualTime::new(1);
    let endpoint = endpoint(&server).time(time.shared()).limit(Duration::from_secs(20));
    let (login, state) = begun(&endpoint);
    let before = time.now().boot;
    let clock = async {
        server.reached(1).await;
        time.advance_to_next();
        std::future::pending::<()>().await
    };
    let error = tokio::select! {
        outcome = login.finish(Callback::parse(&format!("code=c&state={state}"))) => outcome.unwrap_err(),
        () = clock => unreachable!(),
    };
    assert!(matches!(error, LoginError::Request(error) if error.class() == FailureClass::Ambiguous));
    assert_eq!(time.now().boot - before, Duration::from_secs(20));
}
