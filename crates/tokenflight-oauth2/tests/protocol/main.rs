//! What is sent to authorization servers, as whom, and the ways to log in.
#![cfg(all(feature = "assertion", feature = "client", feature = "login"))]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod assertions;
mod browser;
mod device;
mod discovery;
mod grants;
mod loopback;
mod revocation;
#[path = "../support/mod.rs"]
mod support;
mod workload;
