//! What somebody who runs the soak sees, and what is left of their login.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

mod bed;
mod files;
mod flags;
mod loopback;
mod real;
mod server;
