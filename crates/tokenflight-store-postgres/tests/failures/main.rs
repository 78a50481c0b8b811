//! What can fail between a store and its server, and what is known then.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod answers;
mod batches;
mod clocks;
#[cfg(feature = "rustls")]
mod encrypted;
mod line;
mod notices;
mod opening;
mod prelude;
#[cfg(feature = "tracing")]
mod recorder;
mod replicas;
mod states;
#[path = "../support/mod.rs"]
mod support;
mod waiters;
