//! The real command against servers on loopback, in folders of its own.

#![allow(clippy::unwrap_used)] // In helpers of tests, as in tests.

mod canary;
mod exec;
mod helper;
mod login;
mod real;
mod soak;
mod status;
mod support;
mod token;
