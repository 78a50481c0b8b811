//! A port of this machine that a browser is sent back to (RFC 8252 §7.3).

mod connections;
mod listener;
mod options;
mod request;

pub use self::{listener::Loopback, options::LoopbackOptions};
