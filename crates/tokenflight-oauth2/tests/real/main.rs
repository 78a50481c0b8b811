//! What we believe about rotation, reuse and lost answers, against two authorization servers that
//! other people wrote.
//!
//! `tests/servers/README.md` says how they are installed and what they keep to. Without them each
//! test says so and passes.
#![cfg(all(feature = "client", feature = "assertion"))]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod clients;
mod discovered;
mod ended;
mod fixture;
mod lost;
mod programs;
mod restart;
mod server;
mod stress;
#[path = "../support/mod.rs"]
mod support;

/// Each of these scenarios against each server, as a test of its own.
macro_rules! on_both {
    ($($scenario:ident),+ $(,)?) => {
        mod oidc_provider {
            $(#[test]
            fn $scenario() {
                crate::fixture::run(crate::server::Kind::OidcProvider, super::$scenario);
            })+
        }

        mod django {
            $(#[test]
            fn $scenario() {
                crate::fixture::run(crate::server::Kind::Django, super::$scenario);
            })+
        }
    };
}
use on_both;
