//! Device codes (RFC 8628).

use crate::{browser::endpoint, prelude::*};

const GRANTED: &str = r#"{"device_code":"d3vice","user_code":"ABCD-EFGH","verification_uri":"https://as.example/d",
    "verification_uri_complete":"https://as.example/d?c=ABCD","expires_in":600,"interval":5}"#;

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
async fn a_device_login_ends_when_the_user_says_no_or_nothing() {
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

/// By the endpoint's limit, which has a default: what a device asks first, and a revocation.
#[tokio::test(start_paused = true)]
async fn a_device_endpoint_or_a_revocation_that_never_answers_ends() {
    let server = Scripted::new([Act::Stall]).await;
    let start = tokio::time::Instant::now();
    let error = DeviceLogin::start(&endpoint(&server), &server.url(), None).await.unwrap_err();
    assert!(matches!(error, LoginError::Request(error) if error.class() == FailureClass::Ambiguous));
    assert_eq!(start.elapsed().as_secs(), 30);
    let start = tokio::time::Instant::now();
    let grant = endpoint(&server).limit(Duration::from_secs(7)).revocation(&server.url()).unwrap().refresh_token();
    let error = grant.revoke(&RefreshToken::new("r")).await.unwrap_err();
    assert_eq!(error.class(), FailureClass::Ambiguous);
    // Three times, with a second between.
    assert_eq!(start.elapsed().as_secs(), 3 * 7 + 2);
}

#[tokio::test]
async fn a_poll_that_is_never_answered_does_not_outlive_the_code() {
    let time = ManualTime::new(1);
    let server = Scripted::new([json(200, &GRANTED.replace("600", "8")), Act::Stall]).await;
    let endpoint = endpoint(&server).time(time.shared());
    let login = DeviceLogin::start(&endpoint, &server.url(), None).await.unwrap();
    let before = time.now().boot;
    let clock = async {
        while time.pending_sleeps() == 0 {
            tokio::task::yield_now().await;
        }
        time.advance_to_next();
        server.reached(2).await;
        time.advance_to_next();
        std::future::pending::<()>().await
    };
    let outcome = tokio::select! {
        outcome = login.wait(&time) => outcome,
        () = clock => unreachable!(),
    };
    assert!(matches!(outcome, Err(LoginError::Expired)), "{outcome:?}");
    assert_eq!(time.now().boot - before, Duration::from_secs(5 + 5), "a poll gets five seconds at least");
}

#[tokio::test]
async fn no_pause_is_longer_than_the_code_lives() {
    let slow = answer(429, "retry-after: 86400\r\n", r#"{"error":"too_many_requests"}"#);
    let (result, took, _) = device([slow]).await;
    assert!(matches!(result, Err(LoginError::Expired)));
    assert_eq!(took, Duration::from_secs(600));
}

#[tokio::test]
async fn a_time_that_the_server_names_moves_one_poll() {
    let slow = answer(429, "retry-after: 120\r\n", r#"{"error":"too_many_requests"}"#);
    let pending = || says("authorization_pending");
    let (result, took, _) = device([slow, pending(), pending(), json(200, r#"{"access_token":"a"}"#)]).await;
    assert!(result.is_ok());
    assert_eq!(took, Duration::from_secs(5 + 120 + 5 + 5));
}

/// GitHub says how long the interval is from then on.
#[tokio::test]
async fn a_named_interval_counts_from_then_on() {
    for (named, expected) in [(30, 30), (10, 10), (1, 5)] {
        let slower = json(200, &format!(r#"{{"error":"slow_down","interval":{named}}}"#));
        let (result, took, _) =
            device([slower, says("authorization_pending"), json(200, r#"{"access_token":"a"}"#)]).await;
        assert!(result.is_ok());
        assert_eq!(took, Duration::from_secs(5 + expected + expected));
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    let no = json(400, r#"{"error":"authorization_declined","error_description":"AADSTS70000: declined"}"#);
    let (result, ..) = device([no]).await;
    let Err(LoginError::Denied(denial)) = result else { panic!("{result:?}") };
    assert_eq!((denial.code(), denial.description()), ("authorization_declined", Some("AADSTS70000: declined")));
    let disabled = json(200, r#"{"error":"device_flow_disabled","error_description":"Device Flow must be enabled"}"#);
    let server = Scripted::new([disabled]).await;
    let endpoint = endpoint(&server).provider(provider::GITHUB);
    let error = DeviceLogin::start(&endpoint, &server.url(), None).await.unwrap_err();
    assert!(error.to_string().contains("device_flow_disabled"), "{error}");
}

/// Null members, numbers as texts, and the address in its older spelling: what real servers send.
#[tokio::test]
async fn device_answers_are_read_as_leniently_as_token_answers() {
    for (members, interval) in [
        (r#""verification_uri":"https://as.example/d","expires_in":600,"interval":null"#, 5),
        (r#""verification_uri":"https://as.example/d","expires_in":600"#, 5),
        (r#""verification_uri":"https://as.example/d","expires_in":"600","interval":"7""#, 7),
        (r#""verification_uri":"https://as.example/d","expires_in":6e2,"interval":5.0"#, 5),
        (r#""verification_uri":"https://as.example/d","expires_in":600,"verification_uri_complete":null"#, 5),
        (r#""verification_uri":"https://as.example/d","expires_in":600,"verification_uri_complete":"""#, 5),
        (r#""verification_url":"https://as.example/d","expires_in":600,"interval":-1"#, 5),
        (r#""verification_uri":"https://as.example/d","verification_url":"https://as.example/d","expires_in":600"#, 5),
        (r#""verification_uri":"https://as.example/d","expires_in":600,"message":"To sign in, use a browser""#, 5),
    ] {
        let granted = json(200, &format!(r#"{{"device_code":"d","user_code":"c",{members}}}"#));
        let server = Scripted::new([granted, json(200, r#"{"access_token":"a"}"#)]).await;
        let login = DeviceLogin::start(&endpoint(&server), &server.url(), None).await;
        let login = login.unwrap_or_else(|error| panic!("{members}: {error}"));
        assert_eq!(login.expires_in(), Duration::from_secs(600));
        assert_eq!((login.verification_uri(), login.verification_uri_complete()), ("https://as.example/d", None));
        assert_eq!(wait(login).await.1, Duration::from_secs(interval), "{members}");
    }
    for broken in
        [r#"{"user_code":"c","verification_uri":"https://x","expires_in":600}"#, "[]", r#"{"device_code":null}"#]
    {
        let server = Scripted::new([json(200, broken)]).await;
        let error = DeviceLogin::start(&endpoint(&server), &server.url(), None).await.unwrap_err();
        assert!(matches!(error, LoginError::Malformed(_)), "{broken}: {error}");
    }
}

#[tokio::test]
async fn what_the_endpoint_asks_for_goes_with_a_device_login_and_its_polls() {
    let server = Scripted::new([json(200, GRANTED), json(200, r#"{"access_token":"a"}"#)]).await;
    let endpoint = endpoint(&server).resource("https://mcp.example/mcp");
    let login = DeviceLogin::start(&endpoint, &server.url(), None).await.unwrap();
    wait(login).await.0.unwrap();
    for seen in server.seen() {
        assert_eq!(seen.field("resource").as_deref(), Some("https://mcp.example/mcp"));
    }
}
