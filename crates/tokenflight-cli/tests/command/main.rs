//! The real command against servers on loopback, in folders of its own.

mod canary;
mod exec;
mod helper;
mod login;
mod status;
mod support;
mod token;
