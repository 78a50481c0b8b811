//! Programs that ask for credentials. Each is answered for the hosts that a profile lists, and told
//! "not found" for others.

mod asked;
mod cargo;
mod docker;
mod git;
mod host;
mod kubectl;
mod run;
mod setup;
mod terraform;

pub(crate) use self::run::run;
