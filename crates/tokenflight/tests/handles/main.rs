//! Handles and drivers come and go: nothing is lost, nothing is done twice, nothing stays behind (R-433, hazard 4 of
//! `flight/mod.rs`).
//!
//! Everything is polled by hand here: what nobody polls stands still.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod bed;
mod drivers;
mod leaving;
mod shutdown;
