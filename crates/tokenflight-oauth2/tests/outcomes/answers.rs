//! The rows of the table that an HTTP answer stands for (T-20 … T-59).

use crate::{
    bed::play,
    rows::{Next, Row, adopted, ambiguous, config, long, terminal, throttled},
    support::{Act, answer, json},
};

const PAIR: &str = r#"{"access_token":"access-1","refresh_token":"refresh-1","token_type":"Bearer","expires_in":3600}"#;

fn error(status: u16, code: &str) -> Act {
    json(status, &format!(r#"{{"error":"{code}","error_description":"s0me words"}}"#))
}

fn successes() -> Vec<(Row, Act)> {
    let body = |members: &str| json(200, &format!(r#"{{"access_token":"access-1",{members}}}"#));
    let html = |kind: &str| answer(200, &format!("content-type: {kind}\r\n"), "<html>s3cr3t</html>");
    let reactive = |id| adopted(id).next(Next::Never);
    vec![
        (adopted("T-20"), json(200, PAIR)),
        (adopted("T-21").stores("refresh-0"), body(r#""expires_in":3600"#)),
        (adopted("T-21").stores("refresh-0"), body(r#""refresh_token":"","expires_in":3600"#)),
        (config("T-22").stores("refresh-1"), body(r#""token_type":"mac","refresh_token":"refresh-1""#)),
        (config("T-22").stores("refresh-1"), body(r#""token_type":"N_A","refresh_token":"refresh-1""#)),
        (config("T-22").stores("refresh-1"), body(r#""token_type":"DPoP","refresh_token":"refresh-1""#)),
        (config("T-22"), body(r#""token_type":"mac""#)),
        (adopted("T-23"), body(r#""refresh_token":"refresh-1","expires_in":3600"#)),
        (adopted("T-20"), body(r#""token_type":"bEARER","refresh_token":"refresh-1","expires_in":3600"#)),
        (terminal("T-24"), json(200, r#"{"error":"invalid_grant"}"#)),
        (terminal("T-24"), json(200, r#"{"error":"bad_refresh_token","access_token":"access-1"}"#)),
        (config("T-24"), json(200, r#"{"error":"invalid_client"}"#)),
        (config("T-24"), json(200, r#"{"ok":false,"error":"no_such_method"}"#)),
        (ambiguous("T-25"), json(200, r#"{"token_type":"Bearer"}"#)),
        (ambiguous("T-25"), json(200, r#"{"access_token":null}"#)),
        (ambiguous("T-25"), json(200, r#"{"access_token":""}"#)),
        // The new refresh token is known, so nothing about it is unsure: it waits for the backoff only.
        (
            ambiguous("T-25").stores("refresh-1").without_intent().next(Next::Backoff),
            json(200, r#"{"refresh_token":"refresh-1"}"#),
        ),
        (ambiguous("T-26"), html("text/html")),
        (ambiguous("T-26"), html("application/json")),
        (ambiguous("T-26"), answer(200, "", "")),
        (ambiguous("T-26"), answer(204, "", "")),
        (ambiguous("T-26"), json(200, "[]")),
        (ambiguous("T-26"), json(200, r#"{"access_token":"a","access_token":"b"}"#)),
        (adopted("T-20"), answer(200, "content-type: text/plain\r\n", PAIR)),
        (
            ambiguous("T-27"),
            answer(
                200,
                "content-type: application/x-www-form-urlencoded\r\n",
                "access_token=access-1&refresh_token=refresh-1",
            ),
        ),
        // Neither the server nor the token says a lifetime: refreshed when refused.
        (reactive("T-28"), body(r#""refresh_token":"refresh-1""#)),
        (adopted("T-29"), body(r#""refresh_token":"refresh-1","expires_in":"3600""#)),
        (adopted("T-29"), body(r#""refresh_token":"refresh-1","expires_in":3600.0"#)),
        (adopted("T-29"), body(r#""refresh_token":"refresh-1","expires_in":"3.6e3""#)),
        // Usable for the request that caused the refresh, and reactive from then on (R-311).
        (adopted("T-30").serves(None).next(Next::Never), body(r#""refresh_token":"refresh-1","expires_in":0"#)),
        (adopted("T-30").serves(None).next(Next::Never), body(r#""refresh_token":"refresh-1","expires_in":-60"#)),
        // Ten years at most; nothing is due for a long time.
        (adopted("T-31").next(Next::Never), body(r#""refresh_token":"refresh-1","expires_in":1e400"#)),
        (adopted("T-31").next(Next::Never), body(r#""refresh_token":"refresh-1","expires_in":4294967296"#)),
        (config("T-32"), json(200, r#"{"access_token":"two words"}"#)),
        (config("T-32").stores("refresh-1"), json(200, r#"{"access_token":"a\nb","refresh_token":"refresh-1"}"#)),
        (config("T-32").stores("refresh-1"), json(200, r#"{"access_token":"ä","refresh_token":"refresh-1"}"#)),
        (adopted("T-33"), body(r#""refresh_token":"refresh-1","expires_in":3600,"scope":"less""#)),
        (adopted("T-34").stores("refresh-0"), body(r#""refresh_token":"refresh-0","expires_in":3600"#)),
    ]
}

fn refusals() -> Vec<(Row, Act)> {
    let bare = |status| answer(status, "content-type: text/html\r\n", "<html>s3cr3t</html>");
    let location = "location: https://elsewhere.example/login?token=s3cr3t\r\n";
    let mut rows = vec![
        (terminal("T-40"), error(400, "invalid_grant")),
        (config("T-41"), error(400, "invalid_client")),
        (config("T-41"), error(401, "invalid_client")),
        (config("T-42"), error(400, "unauthorized_client")),
        (config("T-42"), error(400, "unsupported_grant_type")),
        (config("T-42"), error(400, "invalid_request")),
        (config("T-42"), error(400, "never_heard_of")),
        (config("T-43"), error(400, "invalid_scope")),
        (config("T-45"), error(400, "use_dpop_nonce")),
        (throttled("T-46", 5), error(400, "slow_down")),
        (throttled("T-46", 5), error(400, "authorization_pending")),
        (ambiguous("T-47"), error(400, "temporarily_unavailable")),
        (ambiguous("T-47"), error(400, "server_error")),
        (config("T-48"), bare(400)),
        (config("T-48"), answer(400, "", "")),
        (config("T-48"), bare(401)),
        (config("T-48"), json(400, "{")),
        (terminal("T-49"), error(401, "invalid_grant")),
        (config("T-49"), json(401, r#"{"message":"denied"}"#)),
        (config("T-50"), bare(403)),
        (terminal("T-50"), error(403, "invalid_grant")),
        (ambiguous("T-52"), bare(408)),
        (ambiguous("T-53"), bare(409)),
        (ambiguous("T-53"), bare(423)),
        (config("T-54"), bare(413)),
        (config("T-54"), bare(414)),
        (config("T-54"), bare(431)),
        (config("T-04"), bare(407)),
        (ambiguous("T-56"), bare(500)),
        (ambiguous("T-56"), bare(502)),
        (ambiguous("T-56"), bare(504)),
        (ambiguous("T-56"), bare(599)),
        (ambiguous("T-57"), bare(503)),
        (config("T-58"), bare(511)),
        (ambiguous("T-59"), error(500, "invalid_grant")),
        (ambiguous("T-59"), error(503, "invalid_grant")),
    ];
    rows.extend([301, 302, 303, 307, 308].map(|status| (config("T-44"), answer(status, location, ""))));
    rows.extend([404, 405, 410, 501].map(|status| (long("T-51"), bare(status))));
    rows
}

fn waits() -> Vec<(Row, Act)> {
    let said = |status, headers: &str| answer(status, headers, r#"{"error":"x"}"#);
    let dated = |after| format!("date: Sun, 06 Nov 1994 08:49:37 GMT\r\nretry-after: {after}\r\n");
    vec![
        (throttled("T-55", 17), said(429, "retry-after: 17\r\n")),
        (throttled("T-55", 30), said(429, &dated("Sun, 06 Nov 1994 08:50:07 GMT"))),
        (throttled("T-55", 30), said(429, &dated("Sunday, 06-Nov-94 08:50:07 GMT"))),
        // Too long and too short are cut to an hour and a second.
        (throttled("T-55", 3600), said(429, "retry-after: 99999999999999999999999\r\n")),
        (throttled("T-55", 1), said(429, "retry-after: 0\r\n")),
        (throttled("T-55", 1), said(429, &dated("Sun, 06 Nov 1994 08:49:00 GMT"))),
        (throttled("T-55", 0).next(Next::Backoff), said(429, "")),
        (throttled("T-55", 0).next(Next::Backoff), said(429, "retry-after: soon\r\n")),
        (throttled("T-55", 0).next(Next::Backoff), said(429, "retry-after: Sun, 06 Nov 1994 08:50:07 GMT\r\n")),
        (throttled("T-55", 0).next(Next::Backoff), said(429, "retry-after: -1\r\n")),
        // Unknown, but the server named a time; by then the token has expired, and so the refresh token is tried.
        (ambiguous("T-57").next(Next::After(1200)), said(503, "retry-after: 1200\r\n")),
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

/// R-232
#[tokio::test]
async fn what_a_server_says_is_cut_and_cleaned_and_its_body_is_never_told() {
    let body =
        format!(r#"{{"error":"invalid_client","error_description":"a\u0007b{}","hint":"s3cr3t"}}"#, "c".repeat(999));
    let outcome = play(json(400, &body)).await;
    assert_eq!(outcome.code.as_deref(), Some("invalid_client"));
    assert!(outcome.told.contains("abccc"), "{}", outcome.told);
    assert!(!outcome.told.contains(&"c".repeat(255)) && !outcome.told.contains("s3cr3t"), "{}", outcome.told);
}

/// T-44: the target's host and nothing else of it.
#[tokio::test]
async fn a_redirect_is_told_by_its_host() {
    let outcome = play(answer(307, "location: https://elsewhere.example/login?token=s3cr3t\r\n", "")).await;
    assert!(outcome.told.contains("elsewhere.example") && !outcome.told.contains("login"), "{}", outcome.told);
    let long = format!("location: https://{}.example/\r\n", "e".repeat(3000));
    assert!(!play(answer(307, &long, "")).await.told.contains("eeee"));
}

/// R-231, R-720: each row is named by a test, be it in its expectation or in its comment.
#[test]
fn every_row_of_the_table_has_a_test() {
    let sources = [include_str!("answers.rs"), include_str!("lifetimes.rs"), include_str!("transport.rs")];
    let lines = || sources.iter().flat_map(|source| source.lines()).filter(|line| !line.starts_with("//!"));
    let ids = (1..=11).chain(20..=34).chain(40..=60).map(|number| format!("T-{number:02}"));
    let missing: Vec<_> = ids.clone().filter(|id| !lines().any(|line| line.contains(id))).collect();
    println!("{}/47 rows of the failure table", ids.count() - missing.len());
    assert!(missing.is_empty(), "no test names {missing:?}");
}
