//! The store contract: the rules of `apply`, what holds over every history, the format of entries.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod cells;
mod codec;
mod histories;
mod support;
mod tables;
