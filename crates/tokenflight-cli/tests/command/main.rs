//! The real command against servers on loopback, in folders of its own.

mod support;
mod token;
