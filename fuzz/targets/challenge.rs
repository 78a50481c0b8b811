//! Header lines of any kind: reading them never fails a request, takes time that does not grow with
//! them, and a refresh is never asked for against a server's word.

#![no_main]

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue, header::WWW_AUTHENTICATE};
use libfuzzer_sys::fuzz_target;
use tokenflight::bearer::challenge::{Meaning, judge, read};

/// Some hundred times what 64 KiB take on a slow machine, with all checks.
const LONGEST: Duration = Duration::from_millis(500);

fuzz_target!(|data: &[u8]| {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            // More lines than a map can hold are no header any more.
            if headers.try_append(WWW_AUTHENTICATE, value).is_err() {
                return;
            }
        }
    }
    let began = Instant::now();
    let challenge = read(&headers);
    assert!(began.elapsed() < LONGEST, "{:?} for {} bytes", began.elapsed(), data.len());
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
        assert!(!text.is_empty() && text.chars().count() <= 1000 && !text.chars().any(char::is_control));
    }
    let _ = challenge.max_age();
    if challenge.meaning() == Meaning::Refresh {
        assert!(matches!(challenge.error(), None | Some("invalid_token")) && challenge.claims().is_none());
    }
});
