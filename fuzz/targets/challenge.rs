//! Header lines of any kind: reading them never fails a request, and a refresh is never asked for against a server's word.

#![no_main]

use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
use libfuzzer_sys::fuzz_target;
use tokenflight::bearer::challenge::{Meaning, judge, read};

fuzz_target!(|data: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(WWW_AUTHENTICATE, value);
        }
    }
    let challenge = read(&headers);
    assert_eq!(challenge.meaning(), judge(&headers));
    let texts = [
        challenge.error(),
        challenge.error_description(),
        challenge.scope(),
        challenge.acr_values(),
        challenge.claims(),
        challenge.resource_metadata(),
    ];
    for text in texts.into_iter().flatten() {
        assert!(text.chars().count() <= 1000 && !text.chars().any(char::is_control));
    }
    let _ = challenge.max_age();
    if challenge.meaning() == Meaning::Refresh {
        assert!(matches!(challenge.error(), None | Some("invalid_token")) && challenge.claims().is_none());
    }
});
