//! What the soak shows, and what is left of the login.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

mod bed;
mod browser;
mod files;
mod flags;
mod login;
mod login_ended;
mod login_real;
mod loopback;
mod provider;
mod real;
mod screen;
mod script;
mod server;
#[cfg(unix)]
mod signals;
