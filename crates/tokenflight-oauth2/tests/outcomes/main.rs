//! Every row of the failure table, over real sockets: class, submissions, what the store holds,
//! whether the token is still served, and when the next attempt is made.
#![cfg(all(feature = "client", feature = "http2"))]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod answers;
mod encodings;
mod fixture;
mod lifetimes;
mod quirks;
mod rows;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
mod transport;
mod waits;
