//! Many processes over one server, as many hosts have it: killed, cut off from it, while it crashes, against an
//! authorization server that ends the session when a refresh token comes back.
//!
//! `cargo xtask proof hosts` runs it for longer, and prints the row of the loss table in `docs/several-hosts.md`.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod book;
mod field;
mod host;
#[path = "../support/mod.rs"]
mod support;

use std::time::Duration;

use self::field::Field;

/// What a child process does; not a test by itself.
#[test]
fn child() {
    host::play();
}

#[test]
fn while_hosts_are_killed_and_the_server_crashes_nothing_is_submitted_twice_and_only_what_a_dead_host_had_is_lost() {
    if let Some(found) = Field::from_env(None).run() {
        found.check();
    }
}

#[test]
fn within_a_grace_window_no_session_is_lost_with_the_host_that_had_its_successor() {
    if let Some(found) = Field::from_env(Some(Duration::from_secs(60))).run() {
        found.check();
        assert!(found.losses.with_a_host == 0 || found.published, "{found}");
    }
}
