//! The rows of the failure table that an HTTP answer stands for.

use crate::{
    fixture::*,
    rows::{Row, long, throttled},
};

const PAIR: &str = r#"{"access_token":"access-1","refresh_token":"refresh-1","token_type":"Bearer","expires_in":3600}"#;

/// Tokens as a form, which is no answer in the standard.
pub(crate) fn form(members: &str) -> Act {
    answer(200, "content-type: application/x-www-form-urlencoded\r\n", members)
}

fn error(status: u16, code: &str) -> Act {
    json(status, &format!(r#"{{"error":"{code}","error_description":"s0me words"}}"#))
}

fn successes() -> Vec<(Row, Act)> {
    let body = |members: &str| json(200, &format!(r#"{{"access_token":"access-1",{members}}}"#));
    let html = |kind: &str| answer(200, &format!("content-type: {kind}\r\n"), "<html>s3cr3t</html>");
    let reactive = |id| adopted(id).next(Next::Never);
    let over = |id| reactive(id).serves(None);
    vec![
        (adopted("valid"), json(200, PAIR)),
        (adopted("no-new-refresh-token").stores("refresh-0"), body(r#""expires_in":3600"#)),
        (adopted("no-new-refresh-token").stores("refresh-0"), body(r#""refresh_token":"","expires_in":3600"#)),
        (config("unknown-type").stores("refresh-1"), body(r#""token_type":"mac","refresh_token":"refresh-1""#)),
        (config("unknown-type").stores("refresh-1"), body(r#""token_type":"N_A","refresh_token":"refresh-1""#)),
        (config("unknown-type").stores("refresh-1"), body(r#""token_type":"DPoP","refresh_token":"refresh-1""#)),
        (config("unknown-type"), body(r#""token_type":"mac""#)),
        (adopted("type-missing"), body(r#""refresh_token":"refresh-1","expires_in":3600"#)),
        (adopted("valid"), body(r#""token_type":"bEARER","refresh_token":"refresh-1","expires_in":3600"#)),
        (terminal("error-in-a-success"), json(200, r#"{"error":"invalid_grant"}"#)),
        (terminal("error-in-a-success"), json(200, r#"{"error":"bad_refresh_token","access_token":"access-1"}"#)),
        (config("error-in-a-success"), json(200, r#"{"error":"invalid_client"}"#)),
        (config("error-in-a-success"), json(200, r#"{"ok":false,"error":"no_such_method"}"#)),
        (ambiguous("no-access-token"), json(200, r#"{"token_type":"Bearer"}"#)),
        (ambiguous("no-access-token"), json(200, r#"{"access_token":null}"#)),
        (ambiguous("no-access-token"), json(200, r#"{"access_token":""}"#)),
        // The new refresh token is known, so nothing is unsure: it waits for the backoff only.
        (
            ambiguous("no-access-token").stores("refresh-1").without_intent().next(Next::Backoff),
            json(200, r#"{"refresh_token":"refresh-1"}"#),
        ),
        (ambiguous("not-json"), html("text/html")),
        (ambiguous("not-json"), html("application/json")),
        (ambiguous("not-json"), answer(200, "", "")),
        (ambiguous("not-json"), answer(204, "", "")),
        (ambiguous("not-json"), json(200, "[]")),
        (ambiguous("not-json"), json(200, r#"{"access_token":"a","access_token":"b"}"#)),
        (adopted("valid"), answer(200, "content-type: text/plain\r\n", PAIR)),
        (ambiguous("form"), form("access_token=access-1&refresh_token=refresh-1")),
        // Neither the server nor the token says a lifetime: refreshed when refused.
        (reactive("no-lifetime"), body(r#""refresh_token":"refresh-1""#)),
        (adopted("lifetime-as-text"), body(r#""refresh_token":"refresh-1","expires_in":"3600""#)),
        (adopted("lifetime-as-text"), body(r#""refresh_token":"refresh-1","expires_in":3600.0"#)),
        (adopted("lifetime-as-text"), body(r#""refresh_token":"refresh-1","expires_in":"3.6e3""#)),
        // Usable for the request that caused the refresh, and reactive from then on.
        (over("lifetime-zero"), body(r#""refresh_token":"refresh-1","expires_in":0"#)),
        (over("lifetime-zero"), body(r#""refresh_token":"refresh-1","expires_in":-60"#)),
        // Ten years at most; nothing is due for a long time.
        (adopted("lifetime-huge").next(Next::Never), body(r#""refresh_token":"refresh-1","expires_in":1e400"#)),
        (adopted("lifetime-huge").next(Next::Never), body(r#""refresh_token":"refresh-1","expires_in":4294967296"#)),
        (config("unsendable"), json(200, r#"{"access_token":"two words"}"#)),
        (config("unsendable").stores("refresh-1"), json(200, r#"{"access_token":"a\nb","refresh_token":"refresh-1"}"#)),
        (config("unsendable").stores("refresh-1"), json(200, r#"{"access_token":"ä","refresh_token":"refresh-1"}"#)),
        (adopted("narrower-scope"), body(r#""refresh_token":"refresh-1","expires_in":3600,"scope":"less""#)),
        (adopted("same-refresh-token").stores("refresh-0"), body(r#""refresh_token":"refresh-0","expires_in":3600"#)),
    ]
}

fn refusals() -> Vec<(Row, Act)> {
    let bare = |status| answer(status, "content-type: text/html\r\n", "<html>s3cr3t</html>");
    let location = "location: https://elsewhere.example/login?token=s3cr3t\r\n";
    let mut rows = vec![
        (terminal("invalid-grant"), error(400, "invalid_grant")),
        (config("invalid-client"), error(400, "invalid_client")),
        (config("invalid-client"), error(401, "invalid_client")),
        (config("other-codes"), error(400, "unauthorized_client")),
        (config("other-codes"), error(400, "unsupported_grant_type")),
        (config("other-codes"), error(400, "invalid_request")),
        (config("other-codes"), error(400, "never_heard_of")),
        (config("invalid-scope"), error(400, "invalid_scope")),
        (config("dpop-nonce"), error(400, "use_dpop_nonce")),
        (throttled("slow-down", 5), error(400, "slow_down")),
        (throttled("slow-down", 5), error(400, "authorization_pending")),
        (ambiguous("temporarily-unavailable"), error(400, "temporarily_unavailable")),
        (ambiguous("temporarily-unavailable"), error(400, "server_error")),
        (config("no-code"), bare(400)),
        (config("no-code"), answer(400, "", "")),
        (config("no-code"), bare(401)),
        (config("no-code"), json(400, "{")),
        (terminal("unauthorized"), error(401, "invalid_grant")),
        (config("unauthorized"), json(401, r#"{"message":"denied"}"#)),
        (config("forbidden"), bare(403)),
        (terminal("forbidden"), error(403, "invalid_grant")),
        (ambiguous("request-timeout"), bare(408)),
        (ambiguous("conflict"), bare(409)),
        (ambiguous("conflict"), bare(423)),
        (config("too-large"), bare(413)),
        (config("too-large"), bare(414)),
        (config("too-large"), bare(431)),
        (config("proxy"), bare(407)),
        (ambiguous("server-error"), bare(500)),
        (ambiguous("server-error"), bare(502)),
        (ambiguous("server-error"), bare(504)),
        (ambiguous("server-error"), bare(599)),
        (ambiguous("unavailable"), bare(503)),
        (config("network-login"), bare(511)),
        (ambiguous("server-error-with-code"), error(500, "invalid_grant")),
        (ambiguous("server-error-with-code"), error(503, "invalid_grant")),
    ];
    rows.extend([301, 302, 303, 307, 308].map(|status| (config("redirect"), answer(status, location, ""))));
    rows.extend([404, 405, 410, 501].map(|status| (long("not-there"), bare(status))));
    rows
}

fn waits() -> Vec<(Row, Act)> {
    let said = |status, headers: &str| answer(status, headers, r#"{"error":"x"}"#);
    let dated = |after| format!("date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: {after}\r\n");
    vec![
        (throttled("throttled", 17), said(429, "retry-after: 17\r\n")),
        (throttled("throttled", 30), said(429, &dated("Sun, 06 Nov 1994 08:50:07 GMT"))),
        (throttled("throttled", 30), said(429, &dated("Sunday, 06-Nov-94 08:50:07 GMT"))),
        // Too long and too short are cut to an hour and a second.
        (throttled("throttled", 3600), said(429, "retry-after: 99999999999999999999999\r\n")),
        (throttled("throttled", 1), said(429, "retry-after: 0\r\n")),
        (throttled("throttled", 1), said(429, &dated("Sun, 06 Nov 1994 08:49:00 GMT"))),
        (throttled("throttled", 0).next(Next::Backoff), said(429, "")),
        (throttled("throttled", 0).next(Next::Backoff), said(429, "retry-after: soon\r\n")),
        (throttled("throttled", 0).next(Next::Backoff), said(429, "retry-after: Sun, 06 Nov 1994 08:50:07 GMT\r\n")),
        (throttled("throttled", 0).next(Next::Backoff), said(429, "retry-after: -1\r\n")),
        // Unknown, but the server named a time; by then the token has expired, and so the refresh
        // token is tried.
        (ambiguous("unavailable").next(Next::After(1200)), said(503, "retry-after: 1200\r\n")),
    ]
}

#[tokio::test]
async fn every_answer_has_its_row() {
    let rows: Vec<_> = [successes(), refusals(), waits()].into_iter().flatten().collect();
    for (row, act) in &rows {
        println!("{} {}", row.id, String::from_utf8_lossy(bytes(act)).replace("\r\n", " | "));
        row.check(&play(act.clone()).await);
    }
    println!("{} answers", rows.len());
}

fn bytes(act: &Act) -> &[u8] {
    match act {
        Act::Say(bytes) | Act::SayAndStall(bytes) => bytes,
        Act::Cut | Act::Stall => &[],
    }
}

#[tokio::test]
async fn what_a_server_says_is_cut_and_cleaned_and_its_body_is_never_told() {
    let body =
        format!(r#"{{"error":"invalid_client","error_description":"a\u0007b{}","hint":"s3cr3t"}}"#, "c".repeat(999));
    let outcome = play(json(400, &body)).await;
    assert_eq!(outcome.code.as_deref(), Some("invalid_client"));
    assert!(outcome.told.contains("abccc"), "{}", outcome.told);
    assert!(!outcome.told.contains(&"c".repeat(255)) && !outcome.told.contains("s3cr3t"), "{}", outcome.told);
}

/// [redirect]: the target's host and nothing else of it.
#[tokio::test]
async fn a_redirect_is_told_by_its_host() {
    let outcome = play(answer(307, "location: https://elsewhere.example/login?token=s3cr3t\r\n", "")).await;
    assert!(outcome.told.contains("elsewhere.example") && !outcome.told.contains("login"), "{}", outcome.told);
    let long = format!("location: https://{}.example/\r\n", "e".repeat(3000));
    assert!(!play(answer(307, &long, "")).await.told.contains("eeee"));
}

/// Every outcome that a token request can have.
const OUTCOMES: &str = "
    name-not-resolved connection-refused tls-failed proxy connect-timeout silence cut-before-headers
    given-back cut-in-body killed-after-send local-failure valid no-new-refresh-token unknown-type
    type-missing error-in-a-success no-access-token not-json form no-lifetime lifetime-as-text
    lifetime-zero lifetime-huge unsendable narrower-scope same-refresh-token invalid-grant
    invalid-client other-codes invalid-scope redirect dpop-nonce slow-down temporarily-unavailable
    no-code unauthorized forbidden not-there request-timeout conflict too-large throttled server-error
    unavailable network-login server-error-with-code newer-in-store
";

/// Each is named by a test, be it in its expectation or in its comment.
#[test]
fn every_row_of_the_table_has_a_test() {
    let sources = [include_str!("answers.rs").split_once("const OUTCOMES").unwrap().0, include_str!("transport.rs")];
    let named = |name: &str| {
        sources.iter().any(|source| source.contains(&format!("\"{name}\"")) || source.contains(&format!("[{name}]")))
    };
    let missing: Vec<_> = OUTCOMES.split_whitespace().filter(|name| !named(name)).collect();
    let all = OUTCOMES.split_whitespace().count();
    println!("{}/{all} outcomes", all - missing.len());
    assert!(missing.is_empty(), "no test names {missing:?}");
}
