//! What the feature `tracing` tells: every event and the span, each on its real path, and what a
//! subscriber may do.

#![cfg(feature = "tracing")]
// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

mod breaker;
mod fixture;
mod foreign_code;
mod logins;
mod recorder;
mod refreshes;
mod requests;
mod resends;
mod secrets;
mod stores;

/// hyper itself tells nothing unless it is built with a flag: `cargo xtask proof secrets` does.
#[test]
fn no_secret_is_told_at_any_level() {
    secrets::no_secret_is_told(false);
}
