//! Many processes over one server, as many hosts have it: killed, cut off from it, stopped, while
//! it crashes, is lost or is restored, against an authorization server that ends the session when a
//! refresh token comes back.
//!
//! `cargo xtask proof hosts` runs it for longer, and prints the row of the loss table in
//! `docs/several-hosts.md`.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod draws;
mod faults;
mod field;
mod found;
mod history;
mod host;
mod line;
mod losses;
mod prelude;
mod settings;
#[path = "../support/mod.rs"]
mod support;
mod told;

use self::settings::Settings;
use crate::prelude::*;

/// What a child process does; not a test by itself.
#[test]
fn child() {
    host::play();
}

#[test]
fn while_hosts_are_killed_and_the_server_crashes_nothing_is_submitted_twice_and_only_what_a_dead_host_had_is_lost() {
    if let Some(found) = field::run(Settings::from_env(None)) {
        found.check();
    }
}

#[test]
fn within_a_grace_window_no_session_is_lost_with_the_host_that_had_its_successor() {
    if let Some(found) = field::run(Settings::from_env(Some(Duration::from_secs(60)))) {
        found.check();
        assert!(found.killed() == [0, 0] || found.settings.may_submit_twice(), "{found}");
    }
}
