//! aliri_tokens: a task keeps the token fresh, callers borrow it from a watch channel.

use std::hint::black_box;

use aliri_clock::DurationSecs;
use aliri_tokens::{
    AccessToken, TokenWatcher, backoff::ErrorBackoffConfig, jitter::NullJitter, sources::ConstTokenSource,
};
use http::HeaderValue;

use crate::{Built, Fixture, read, token};

pub(crate) fn fresh(fixture: &Fixture) -> Built {
    let source = ConstTokenSource::new(AccessToken::from(token())).with_token_valid_for(DurationSecs(3600));
    let watcher =
        fixture.wait(TokenWatcher::spawn_from_token_source(source, NullJitter, ErrorBackoffConfig::default()))?;
    read(move || {
        // Made while the token is borrowed: it cannot be cloned.
        let header = HeaderValue::try_from(format!("Bearer {}", watcher.token().access_token().as_str()));
        black_box(header).is_ok()
    })
}
