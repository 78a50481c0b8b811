//! Answers of token endpoints: `provider status`, header lines, an empty line, the body.
#![no_main]

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use libfuzzer_sys::fuzz_target;
use tokenflight_core::FailureClass;
use tokenflight_oauth2::{
    answer::{Answer, Verdict, judge},
    provider,
};

fuzz_target!(|bytes: &[u8]| {
    let Some(end) = bytes.windows(2).position(|two| two == b"\n\n") else { return };
    let Ok(head) = std::str::from_utf8(&bytes[..end]) else { return };
    let mut lines = head.lines();
    let Some((name, status)) = lines.next().and_then(|line| line.split_once(' ')) else { return };
    let Some(status) = status.parse().ok().and_then(|status: u16| StatusCode::from_u16(status).ok()) else { return };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            headers.append(name, value);
        }
    }
    let provider = provider::find(name).unwrap_or(provider::UNKNOWN);
    let body = Ok(bytes[end + 2..].to_vec().into());
    let answer = Answer::new(status, &headers, &body);
    match judge(&answer, provider) {
        Verdict::Tokens(set) => {
            assert!(status.is_success() && !set.access().expose().is_empty());
            assert!(set.lifetime().is_none_or(|lifetime| lifetime <= tokenflight_core::MAX_LIFETIME));
            let _ = set.check();
        }
        Verdict::Odd(error) => assert!(status.is_success() && error.class() == FailureClass::Ambiguous),
        Verdict::Failed(error) => {
            let class = error.class();
            // Only the authorization server's own word ends a session, and never from behind a
            // failing gateway.
            let may_end = status.is_success() || status.is_client_error();
            assert!(class != FailureClass::Terminal || (may_end && error.error_code().is_some()));
            assert!(class == FailureClass::Config || !status.is_redirection());
            let code = error.error_code().unwrap_or_default();
            assert!(code.chars().count() <= 256 && !code.chars().any(char::is_control));
            assert!(error.to_string().chars().count() <= 700 && !error.to_string().chars().any(char::is_control));
        }
        _ => {}
    }
});
