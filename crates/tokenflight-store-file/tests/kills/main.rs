//! A process is killed before every system call that an operation makes with its files, the power
//! is cut after it, and every such call is made to fail.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod cut;
mod fail;
mod kill;
mod operation;
#[path = "../support/mod.rs"]
mod support;
mod trace;

/// What a child process does; not a test by itself.
#[test]
fn child() {
    if let Some(part) = support::child::part() {
        operation::play(&part);
    }
}
