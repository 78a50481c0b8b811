//! Where records may live, whose they may be, and what becomes of one that is not as it should be.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod disks;
mod paths;
mod records;
#[path = "../support/mod.rs"]
mod support;
mod users;

/// What a child process does; not a test by itself.
#[test]
fn child() {
    match support::child::part().as_deref() {
        Some("claim") => paths::claim_and_say(),
        Some("full") => disks::fill_and_say(),
        Some("share") => disks::share_and_say(),
        Some("read-only") => disks::read_and_say(),
        _ => {}
    }
}
