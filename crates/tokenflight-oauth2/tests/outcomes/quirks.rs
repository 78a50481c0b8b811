//! What real servers do beside the standard: shapes of answers, and the requests that they want.

use crate::{answers::form, fixture::*};

fn verdict(provider: &Provider, status: u16, body: &str) -> Verdict {
    let status = StatusCode::from_u16(status).unwrap();
    judge(&Answer::new(status, &HeaderMap::new(), &Ok(body.to_owned().into())), provider)
}

fn tokens(provider: &Provider, body: &str) -> TokenSet {
    match verdict(provider, 200, body) {
        Verdict::Tokens(set) => set,
        verdict => panic!("{}: {verdict:?}", provider.name),
    }
}

#[track_caller]
fn fails(provider: &Provider, status: u16, body: &str, class: FailureClass, code: &str) {
    let (Verdict::Failed(error) | Verdict::Odd(error)) = verdict(provider, status, body) else {
        panic!("{}: {body} is no failure", provider.name)
    };
    assert_eq!((error.class(), error.error_code()), (class, Some(code).filter(|code| !code.is_empty())), "{body}");
}

#[test]
fn what_must_not_end_a_session_does_not() {
    let supabase = |status: u16, code: &str, class| {
        let body = format!(r#"{{"code":{status},"error_code":"{code}","msg":"x"}}"#);
        fails(provider::SUPABASE, status, &body, class, code);
    };
    supabase(409, "conflict", Ambiguous);
    supabase(429, "over_request_rate_limit", Throttled);
    supabase(500, "unexpected_failure", Ambiguous);
    fails(provider::GITHUB, 200, r#"{"error":"incorrect_client_credentials"}"#, Config, "incorrect_client_credentials");
    fails(provider::SLACK, 200, r#"{"ok":false,"error":"ratelimited"}"#, Throttled, "ratelimited");
    fails(provider::SLACK, 200, r#"{"ok":false,"error":"internal_error"}"#, Ambiguous, "internal_error");
    fails(provider::SLACK, 200, r#"{"ok":false,"error":"invalid_client_id"}"#, Config, "invalid_client_id");
    fails(provider::SLACK, 200, r#"{"ok":false}"#, Config, "ok: false");
    fails(provider::HUBSPOT, 400, r#"{"status":"BAD_CLIENT_SECRET","message":"x"}"#, Config, "BAD_CLIENT_SECRET");
    let refused = "invalid client secret";
    fails(provider::TWITCH, 403, &format!(r#"{{"status":403,"message":"{refused}"}}"#), Config, refused);
    let notion = |status, code: &str, class| {
        let body = format!(r#"{{"object":"error","code":"{code}","message":"x"}}"#);
        fails(provider::NOTION, status, &body, class, code);
    };
    notion(503, "service_unavailable", Ambiguous);
    notion(401, "unauthorized", Config);
    notion(400, "validation_error", Config);
    fails(provider::ENTRA_ID, 401, r#"{"error":"invalid_client","error_codes":[7000222]}"#, Config, "invalid_client");
    fails(provider::KEYCLOAK, 400, r#"{"error":"unauthorized_client"}"#, Config, "unauthorized_client");
    fails(provider::AUTH0, 403, "<html>blocked</html>", Config, "");
}

#[test]
fn successes_come_in_many_shapes() {
    let user = tokens(
        provider::SLACK,
        r#"{"ok":true,"authed_user":{"id":"U1","access_token":"xoxe.1","refresh_token":"xoxe-1","token_type":"user","expires_in":43200}}"#,
    );
    assert_eq!((user.access().expose(), user.refresh().unwrap().expose()), ("xoxe.1", "xoxe-1"));
    assert!(user.check().is_ok(), "`user` means Bearer there");
    let bot =
        tokens(provider::SLACK, r#"{"ok":true,"access_token":"xoxe.2","token_type":"bot","authed_user":{"id":"U1"}}"#);
    assert!(bot.check().is_ok());
    assert!(tokens(provider::UNKNOWN, r#"{"access_token":"a","token_type":"bot"}"#).check().is_err());

    let twitch =
        tokens(provider::TWITCH, r#"{"access_token":"a","refresh_token":"r%2F","scope":["chat:read","bits:read"]}"#);
    assert_eq!(twitch.granted_scope(), Some("chat:read bits:read"));

    let entra = tokens(
        provider::ENTRA_ID,
        r#"{"token_type":"Bearer","expires_in":"3599","ext_expires_in":"3599","expires_on":"1","access_token":"a","refresh_token":"r"}"#,
    );
    assert_eq!(entra.lifetime().unwrap().as_secs(), 3599);

    let salesforce = tokens(
        provider::SALESFORCE,
        r#"{"access_token":"00D!x","instance_url":"https://x.example","issued_at":"1700000000000","token_type":"Bearer"}"#,
    );
    assert_eq!(salesforce.lifetime(), None);
    assert!(salesforce.extra_members().unwrap().contains("instance_url"));

    let keycloak = tokens(
        provider::KEYCLOAK,
        r#"{"access_token":"a","expires_in":300,"refresh_expires_in":1800,"not-before-policy":0,"token_type":"Bearer"}"#,
    );
    assert_eq!(keycloak.lifetime().unwrap().as_secs(), 300);

    let notion =
        tokens(provider::NOTION, r#"{"access_token":"a","refresh_token":"r","bot_id":"b","workspace_name":null}"#);
    assert_eq!((notion.lifetime(), notion.refresh().unwrap().expose()), (None, "r"));
    assert!(tokens(provider::GOOGLE, r#"{"access_token":"a","expires_in":3599}"#).refresh().is_none());
    assert!(
        tokens(
            provider::SUPABASE,
            r#"{"access_token":"a","refresh_token":"r","token_type":"bearer","expires_at":1,"user":{"id":1}}"#
        )
        .check()
        .is_ok()
    );
}

/// A missing type is an error where it is known to be, and a form is an answer where it is allowed.
#[test]
fn strictness_is_a_matter_of_the_provider() {
    const STRICT: Provider = Provider { strict_type: true, ..*provider::UNKNOWN };
    let Verdict::Failed(error) = verdict(&STRICT, 200, r#"{"access_token":"a","refresh_token":"r"}"#) else { panic!() };
    assert_eq!((error.class(), error.rotated_token().unwrap().expose()), (Config, "r"));

    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded; charset=utf-8"));
    let form = "access_token=a%2Bb&expires_in=28800&refresh_token=r&scope=&token_type=bearer";
    let Verdict::Tokens(set) = judge(&Answer::new(StatusCode::OK, &headers, &Ok(form.into())), provider::GITHUB) else {
        panic!()
    };
    assert_eq!((set.access().expose(), set.refresh().unwrap().expose()), ("a+b", "r"));
    assert_eq!(set.lifetime().unwrap().as_secs(), 28800);
    let refused = "error=bad_refresh_token&error_description=The+refresh+token";
    let Verdict::Failed(error) = judge(&Answer::new(StatusCode::OK, &headers, &Ok(refused.into())), provider::GITHUB)
    else {
        panic!()
    };
    assert_eq!(error.class(), Terminal);
}

/// A few of them through a whole session.
#[tokio::test]
async fn quirks_reach_the_session() {
    let gone = r#"{"ok":false,"error":"invalid_refresh_token"}"#;
    terminal("Slack").check(&play_with(json(200, gone), provider::SLACK, None).await);
    terminal("Auth0").check(&play_with(json(403, r#"{"error":"invalid_grant"}"#), provider::AUTH0, None).await);
    terminal("HubSpot")
        .check(&play_with(json(400, r#"{"status":"BAD_REFRESH_TOKEN"}"#), provider::HUBSPOT, None).await);
    config("HubSpot, unknown")
        .check(&play_with(json(400, r#"{"status":"BAD_REFRESH_TOKEN"}"#), provider::UNKNOWN, None).await);
    let form = form("access_token=access-1&refresh_token=refresh-1&expires_in=3600");
    adopted("GitHub").check(&play_with(form, provider::GITHUB, None).await);
    ambiguous("glewlwyd").check(&play_with(answer(500, "", ""), provider::UNKNOWN, None).await);
    config("an empty 403").check(&play_with(answer(403, "", ""), provider::UNKNOWN, None).await);
}

#[tokio::test]
async fn notion_is_asked_in_json_and_with_basic() {
    let server = Scripted::new([json(200, r#"{"access_token":"access-1","refresh_token":"refresh-1"}"#)]).await;
    let endpoint = endpoint(&server.url(), client())
        .provider(provider::NOTION)
        .client(ClientAuth::basic("id", "s3cr3t"))
        .header(http::HeaderName::from_static("notion-version"), HeaderValue::from_static("2025-09-03"));
    Fixture::new(endpoint.refresh_token()).await.attempt(&server, None).await;
    let seen = &server.seen()[0];
    assert_eq!(seen.header("content-type"), Some("application/json"));
    assert_eq!(seen.header("notion-version"), Some("2025-09-03"));
    assert_eq!(seen.header("authorization"), Some("Basic aWQ6czNjcjN0"));
    assert_eq!(seen.body, r#"{"grant_type":"refresh_token","refresh_token":"refresh-0"}"#);
}
