//! The engine's corners: each test says what a user may expect, and was red without the handling.
//!
//! Time is manual, so nothing here takes long; what would deadlock is given up after five seconds,
//! and a race is looked for during a bounded number of rounds.
#![cfg(not(shuttle))]
#![allow(clippy::unwrap_used)]

mod claims;
mod drivers;
mod events;
mod foreign_code;
mod late_answers;
mod logins;
mod logouts;
mod support;
mod unsaved;
