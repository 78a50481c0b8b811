//! Several audiences over one refresh token.
#![cfg(not(shuttle))]
// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

mod common;
mod drivers;
mod elsewhere;
mod support;
mod tokens;
mod turns;
