//! What is sent to authorization servers, as whom, and the ways to log in.
#![cfg(all(feature = "assertion", feature = "client", feature = "login"))]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod assertions;
mod browser;
mod commands;
mod device;
mod discovery;
mod echoes;
mod external;
mod federation;
mod grants;
mod loopback;
mod prelude;
mod revocation;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod workload;
