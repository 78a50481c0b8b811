//! Handles and drivers come and go: nothing is lost, nothing is done twice, nothing stays behind
//! (hazard 4 of `flight/mod.rs`).
//!
//! Everything is polled by hand here: what is not polled stands still.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod around;
mod clocks;
mod drivers;
mod elsewhere;
mod fixture;
mod heirs;
mod leaving;
mod reloads;
mod replaced;
mod revoked;
mod shutdown;
mod stored;
