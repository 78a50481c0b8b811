//! Revocations (RFC 7009): what counts as done, what is tried again, and what is told.

use crate::prelude::*;

#[tokio::test]
async fn a_logout_revokes_the_refresh_token() {
    let server = Scripted::new([answer(200, "", "")]).await;
    let endpoint = TokenEndpoint::new("https://as.invalid/token", client()).unwrap().client(ClientAuth::public("me"));
    let endpoint = endpoint.revocation(&format!("http://{}/revoke", server.addr)).unwrap();
    let session = Session::builder(endpoint.refresh_token()).build().unwrap();
    session.login(TokenSet::new("access-0").refresh_token("refresh-0")).await.unwrap();
    session.logout().await.unwrap();
    let seen = &server.seen()[0];
    assert!(seen.head.starts_with("POST /revoke "));
    assert_eq!(seen.body, "token=refresh-0&token_type_hint=refresh_token&client_id=me");
}

#[tokio::test]
async fn a_failed_revocation_tells_whether_the_token_may_live() {
    for (act, class, wait) in [
        (answer(503, "retry-after: 7\r\n", ""), FailureClass::Ambiguous, Some(7)),
        (json(400, r#"{"error":"unsupported_token_type"}"#), FailureClass::Config, None),
        (Act::Cut, FailureClass::Ambiguous, None),
    ] {
        let server = Scripted::new([act]).await;
        let endpoint = server.endpoint().revocation(&server.url()).unwrap();
        let error = endpoint.refresh_token().revoke(&RefreshToken::new("r")).await.unwrap_err();
        assert_eq!(error.class(), class);
        assert_eq!(error.wait(), wait.map(Duration::from_secs));
    }
    let nowhere = TokenEndpoint::new("https://as.invalid/token", client()).unwrap().refresh_token();
    nowhere.revoke(&RefreshToken::new("r")).await.unwrap();
}

fn revoking(server: &Scripted) -> TokenEndpoint {
    server.endpoint().revocation(&server.url()).unwrap()
}

/// What the server calls dead is dead, and what it calls a failure is one, whatever the status.
#[tokio::test]
async fn what_is_gone_is_revoked_and_a_success_that_names_an_error_is_none() {
    for (provider, act, done) in [
        (
            provider::GOOGLE,
            json(400, r#"{"error":"invalid_token","error_description":"Token expired or revoked"}"#),
            true,
        ),
        (provider::UNKNOWN, json(400, r#"{"error":"invalid_grant"}"#), true),
        (provider::SLACK, json(200, r#"{"ok":false,"error":"token_revoked"}"#), true),
        (provider::SLACK, json(200, r#"{"ok":false,"error":"invalid_auth"}"#), false),
        (provider::SLACK, json(200, r#"{"ok":true,"revoked":true}"#), true),
        (provider::GITHUB, json(200, r#"{"error":"incorrect_client_credentials"}"#), false),
        (provider::UNKNOWN, json(401, r#"{"error":"invalid_client"}"#), false),
        (provider::UNKNOWN, answer(200, "", "OK"), true),
        (provider::UNKNOWN, answer(204, "", ""), true),
        (provider::UNKNOWN, answer(302, "location: https://elsewhere.example/\r\n", ""), false),
    ] {
        let told = format!("{act:?}");
        let server = Scripted::new([act]).await;
        let outcome = revoking(&server).provider(provider).refresh_token().revoke(&RefreshToken::new("r")).await;
        assert_eq!(outcome.is_ok(), done, "{told}: {outcome:?}");
        assert_eq!(server.seen().len(), 1);
    }
}

/// §2.2.1: a server that cannot do it now is asked again, a few times, at the time it names.
#[tokio::test]
async fn a_failure_that_passes_is_tried_again_within_a_bound() {
    let busy = |after: u32| answer(503, &format!("retry-after: {after}\r\n"), "");
    for (script, requests, done, waited) in [
        (vec![busy(2), answer(200, "", "")], 2, true, 2),
        (vec![Act::Cut, Act::Cut, answer(200, "", "")], 3, true, 2),
        (vec![busy(1)], 3, false, 2),
        (vec![busy(6)], 1, false, 0),
    ] {
        let server = Scripted::new(script).await;
        let time = ManualTime::new(1);
        let before = time.now().boot;
        let grant = revoking(&server).time(time.shared()).limit(Duration::from_secs(1_000)).refresh_token();
        let token = RefreshToken::new("r");
        let clock = async {
            loop {
                // The limit of an exchange under way sleeps as well; only the pauses are short.
                match time.next_wake() {
                    Some(pause) if pause < Duration::from_secs(100) => time.advance(pause),
                    _ => tokio::task::yield_now().await,
                }
            }
        };
        let outcome = tokio::select! {
            outcome = grant.revoke(&token) => outcome,
            () = clock => unreachable!(),
        };
        assert_eq!((outcome.is_ok(), server.seen().len()), (done, requests), "{outcome:?}");
        assert_eq!((time.now().boot - before).as_secs(), waited);
    }
}
