//! A server that says how long to wait is heard, whatever the status (RFC 9110 §10.2.3 limits
//! `Retry-After` to none).

use crate::fixture::*;

fn refused(status: u16, body: &str) -> GrantError {
    let mut headers = HeaderMap::new();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("600"));
    let status = StatusCode::from_u16(status).unwrap();
    match judge(&Answer::new(status, &headers, &Ok(body.to_owned().into())), provider::UNKNOWN) {
        Verdict::Failed(error) | Verdict::Odd(error) => error,
        verdict => panic!("{verdict:?}"),
    }
}

#[test]
fn every_refusal_may_name_a_time() {
    for status in [400, 401, 403, 404, 408, 409, 413, 423, 425, 429, 451, 499, 500, 501, 502, 503, 504, 529, 599] {
        for body in ["<html>", "", r#"{"error":"invalid_client"}"#] {
            assert_eq!(refused(status, body).wait(), Some(Duration::from_secs(600)), "{status} {body}");
        }
    }
    assert_eq!(refused(200, r#"{"error":"temporarily_unavailable"}"#).wait(), Some(Duration::from_secs(600)));
}

/// RFC 8470 §5.2: a server that will not risk early data has processed nothing.
#[test]
fn too_early_is_not_sent() {
    assert_eq!(refused(425, "").class(), FailureClass::NotSent);
}

/// Found by fuzzing: what a body asks for counts only where the user is wanted, not behind a
/// failing gateway.
#[test]
fn a_failing_server_wants_no_claims() {
    let body = r#"{"error":"interaction_required","claims":"{}"}"#;
    let asked = refused(400, body);
    assert_eq!((asked.class(), asked.wanted_claims()), (FailureClass::Interaction, Some("{}")));
    let failing = refused(502, body);
    assert_eq!((failing.class(), failing.wanted_claims()), (Ambiguous, None));
}
