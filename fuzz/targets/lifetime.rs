//! What an access token says about its own lifetime.
#![no_main]

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use libfuzzer_sys::fuzz_target;
use tokenflight_core::{MAX_LIFETIME, TokenSet};

fuzz_target!(|text: &str| {
    let sane = |token: &str| assert!(TokenSet::new(token).lifetime().is_none_or(|lifetime| lifetime <= MAX_LIFETIME));
    sane(text);
    // Most texts are no tokens: the same text as the claims of one.
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    sane(&format!("{}.{}.x", part(r#"{"alg":"none"}"#), part(text)));
    if let Ok(seconds) = text.parse() {
        assert!(TokenSet::new("x").expires_in_seconds(seconds).lifetime().is_none_or(|lifetime| lifetime <= MAX_LIFETIME));
    }
});
