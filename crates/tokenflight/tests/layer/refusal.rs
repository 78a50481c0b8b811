//! Which answers are refusals another token may cure: every row of the table, and what is none.

use tokenflight::bearer::challenge::{Challenge, Meaning};
use tokenflight_test::ModelStore;

use crate::fixture::*;

/// A 401 with these challenges leads to a refresh and a replay.
#[track_caller]
fn cured(challenges: &[&str]) {
    let mut fixture = Fixture::new();
    let mut call = fixture.answered_with(challenged(challenges, TestBody::text("no")));
    assert_pending!(call.poll_until_idle(), "{challenges:?}");
    fixture.received_with("access-1").send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
    assert_eq!(fixture.grant.count(), 1);
}

/// This answer goes to the caller untouched, and the token stays as good as it was.
#[track_caller]
fn untouched(answer: Response<TestBody>) {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(get(ME));
    let (status, headers, probe) = (answer.status(), answer.headers().clone(), answer.body().probe());
    fixture.received().1.send_response(answer);
    let answer = response(call.poll_until_idle());
    assert_eq!((answer.status(), answer.headers()), (status, &headers));
    assert!(answer.extensions().get::<Error>().is_none());
    assert_eq!((probe.polls(), probe.drops()), (0, 0), "the body is the server's own");
    assert_eq!(read(answer.into_body()).0, b"body");
    fixture.nothing_received();
    assert_eq!(fixture.grant.count(), 0);
    fixture.succeeds_with("access-0");
}

#[test]
fn a_bearer_challenge_with_invalid_token_is_cured() {
    cured(&[r#"Bearer error="invalid_token""#]);
    cured(&[r#"bearer realm="api", error=invalid_token, error_description="expired, alas""#]);
    cured(&[r#"BEARER Error="invalid_token""#]);
}

#[test]
fn a_bearer_challenge_without_an_error_is_cured() {
    cured(&["Bearer"]);
    cured(&[r#"Bearer realm="api""#]);
    cured(&[r#"Bearer realm="api", error="invalid_to"#]);
}

#[test]
fn a_refusal_without_a_challenge_is_cured() {
    cured(&[]);
    cured(&[""]);
}

#[test]
fn our_challenge_is_found_among_others_in_one_line_or_in_several() {
    cured(&["Negotiate", r#"Bearer error="invalid_token""#]);
    cured(&[r#"Negotiate YII=, Basic realm="a, Bearer error=b", Bearer error="invalid_token""#]);
}

#[test]
fn a_challenge_that_is_no_text_says_nothing() {
    let mut fixture = Fixture::new();
    let mut call = fixture.call(get(ME));
    let mut refusal = challenged(&[], TestBody::new());
    refusal.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_bytes(b"\xff\xfe Basic").unwrap());
    fixture.received().1.send_response(refusal);
    drop(fixture.sent_by(&mut call, "access-1"));
}

/// What oauthlib's and django-oauth-toolkit's servers send (oauthlib#676).
#[test]
fn a_challenge_with_a_comma_after_its_scheme_is_cured() {
    let text = "The access token provided is expired, revoked, malformed, or invalid for other reasons.";
    cured(&[&format!(r#"Bearer, error="invalid_token", error_description="{text}""#)]);
}

/// Facebook's, Splunk's and others' words for an expired token.
#[test]
fn a_refusal_in_a_servers_own_words_is_cured_if_the_predicate_says_so() {
    for challenge in [
        r#"Bearer error="token_expired""#,
        r#"OAuth "Facebook Platform" "invalid_token" "Error validating access token: Session has expired""#,
        r#"Basic realm="api""#,
        r#"Token realm="api", error="invalid_token""#,
    ] {
        untouched(challenged(&[challenge], TestBody::text("body")));
        let mut fixture = Fixture::new().layered(|layer| layer.refused_when(|status, _| status == 401));
        let mut call = fixture.answered_with(challenged(&[challenge], TestBody::new()));
        assert_pending!(call.poll_until_idle(), "{challenge}");
        fixture.received_with("access-1").send_response(ok());
        assert_eq!(status(call.poll()), StatusCode::OK);
    }
    // What a new token of the same grant does not have, it does not have.
    let mut fixture = Fixture::new().layered(|layer| layer.refused_when(|status, _| status == 401));
    let mut call = fixture.answered_with(challenged(&[r#"Bearer error="insufficient_scope""#], TestBody::new()));
    assert_eq!(status(call.poll_until_idle()), StatusCode::UNAUTHORIZED);
}

/// RFC 6750 §3.1
#[test]
fn what_is_missing_is_explained_at_its_own_status() {
    let answer = |status, challenge: &str| {
        let mut answer = challenged(&[challenge], TestBody::text("body"));
        *answer.status_mut() = status;
        answer
    };
    for (status, challenge, meaning) in [
        (403, r#"Bearer error="insufficient_scope", scope="write""#, Some(Meaning::InsufficientScope)),
        (400, r#"Bearer error="invalid_request""#, Some(Meaning::InvalidRequest)),
        (403, "Bearer", None),
        (403, "Basic", None),
        (404, r#"Bearer error="insufficient_scope""#, None),
        // As a 401 has it: the error is read from any scheme.
        (403, r#"DPoP error="insufficient_scope", scope="write""#, Some(Meaning::OtherScheme)),
        (400, r#"DPoP error="invalid_request""#, Some(Meaning::OtherScheme)),
        (403, r#"DPoP error="invalid_token""#, None),
        (403, r#"Basic realm="x", scope="write""#, None),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        untouched(answer(status, challenge));
        let mut call = Fixture::new().answered_with(answer(status, challenge));
        let answer = response(call.poll());
        assert_eq!(answer.extensions().get().map(Challenge::meaning), meaning, "{status} {challenge}");
        assert!(answer.extensions().get().is_none_or(|told: &Challenge| told.error().is_some()));
    }
}

#[test]
fn a_refusal_that_asks_for_more_than_a_token_goes_to_the_caller() {
    for error in
        ["insufficient_user_authentication", "insufficient_scope", "invalid_request", "use_dpop_nonce", "whatever"]
    {
        untouched(challenged(&[&format!(r#"Bearer error="{error}", scope="a b""#)], TestBody::text("body")));
        untouched(challenged(&["Bearer", &format!(r#"Bearer error="{error}""#)], TestBody::text("body")));
    }
}

#[test]
fn a_refusal_that_wants_another_scheme_goes_to_the_caller() {
    for challenge in ["Basic realm=\"x\"", "Negotiate", "Negotiate YII=", r#"DPoP error="use_dpop_nonce""#, "Bearers"] {
        untouched(challenged(&[challenge], TestBody::text("body")));
    }
}

/// With exactly the challenge that would cure a 401.
#[test]
fn no_other_status_is_a_refusal_of_the_token() {
    for code in [200, 204, 301, 307, 400, 402, 403, 404, 407, 408, 419, 421, 425, 429, 498, 500, 502, 503, 511] {
        let mut answer = challenged(&[r#"Bearer error="invalid_token""#], TestBody::text("body"));
        *answer.status_mut() = StatusCode::from_u16(code).unwrap();
        untouched(answer);
    }
}

/// The answer to the replay is judged by the same table.
#[test]
fn a_replay_answered_with_another_status_goes_to_the_caller() {
    for (code, challenges) in
        [(403, &["Bearer"][..]), (500, &[]), (401, &["Basic"]), (401, &["Bearer error=\"insufficient_scope\""])]
    {
        let mut fixture = Fixture::new();
        let mut call = fixture.refused_and_waiting(get(ME));
        let mut answer = challenged(challenges, TestBody::text("body"));
        *answer.status_mut() = StatusCode::from_u16(code).unwrap();
        fixture.received_with("access-1").send_response(answer);
        let answer = response(call.poll_until_idle());
        assert_eq!(answer.status(), code);
        assert!(answer.extensions().get::<Error>().is_none());
        assert_eq!(read(answer.into_body()).0, b"body");
        assert_eq!(fixture.grant.count(), 1);
    }
}

/// What the server wants instead is there for callers that have it: another login, a scope, claims.
#[test]
fn what_no_refresh_can_cure_is_explained_in_the_extensions() {
    let step_up = r#"Bearer error="insufficient_user_authentication", acr_values="phr", max_age=300"#;
    let mut fixture = Fixture::new();
    let mut call = fixture.answered_with(challenged(&["Basic", step_up], TestBody::new()));
    let answer = response(call.poll_until_idle());
    let challenge = answer.extensions().get::<Challenge>().unwrap();
    assert_eq!(challenge.meaning(), Meaning::InsufficientAuthentication);
    assert_eq!((challenge.acr_values(), challenge.max_age()), (Some("phr"), Some(secs(300))));
    assert_eq!(fixture.grant.count(), 0);
}

#[test]
fn a_challenge_for_claims_is_no_reason_to_refresh() {
    untouched(challenged(&[r#"Bearer error="insufficient_claims", claims="eyJ9""#], TestBody::text("body")));
    untouched(challenged(&[r#"Bearer error="invalid_token", claims="eyJ9""#], TestBody::text("body")));
}

/// The boot clock is younger than the stored token: a computer that was switched on lately, and
/// every program on macOS and Windows, where it counts from the start of the program.
#[test]
fn a_stored_token_that_is_older_than_the_boot_clock_is_not_taken_for_a_fresh_one() {
    let (model, time) = (ModelStore::new(), ManualTime::new(7));
    let first = Session::builder(MockGrant::new()).store(model.clone()).time(time.clone()).build().unwrap();
    time.run(first.login(TokenSet::new("access-0").refresh_token("refresh-0").expires_in(secs(3600)))).unwrap();
    drop(first);
    // 1,500 s later, and the boot clock shows 1,000 s.
    time.step_wall_forward(secs(1500));
    let clock = time.clone();
    let mut fixture = Fixture::blank(move |builder| builder.store(model).time(clock));
    let mut call = fixture.call(get(ME));
    let _ = call.poll_until_idle();
    fixture.received_with("access-0").send_response(unauthorized());
    let polled = call.poll_until_idle();
    assert!(polled.is_pending(), "{:?}", explained(polled));
    fixture.received_with("access-1");
}

/// Its time counts from when it was received, also for what is fresh.
#[test]
fn a_token_that_was_received_long_before_its_login_is_not_taken_for_a_fresh_one() {
    let mut fixture = Fixture::blank(|builder| builder);
    let tokens = TokenSet::new("access-0").refresh_token("refresh-0").expires_in(secs(3600));
    now(fixture.session.login_received(tokens, secs(900))).unwrap();
    let mut call = fixture.refused(get(ME));
    let polled = call.poll_until_idle();
    assert!(polled.is_pending(), "{:?}", explained(polled));
    fixture.received_with("access-1");
}

/// The next token is there, and the server does not come to the end of its refusal.
#[test]
fn a_request_is_not_held_for_the_body_of_a_refusal() {
    for wait in [0, 249] {
        let mut fixture = Fixture::new();
        let mut late = get(ME);
        late.extensions_mut().insert(BearerOptions::new().max_wait(millis(wait)));
        let (mut late, respond) = fixture.sent(late);
        let mut other = fixture.refused(get(ME));
        fixture.succeeds(&mut other, "access-1");
        respond.send_response(challenged(&["Bearer"], TestBody::text("no").end(End::Stalls)));
        assert_pending!(late.poll_until_idle());
        fixture.time.advance(millis(250));
        fixture.succeeds(&mut late, "access-1");
    }
}
