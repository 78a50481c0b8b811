//! The user's code panics: waiters get an error of the right class or notice nothing, the session
//! goes on, and no rotation is lost (hazard 3 of `flight/mod.rs`).
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod clocks;
mod fixture;
mod grants;
mod stores;
