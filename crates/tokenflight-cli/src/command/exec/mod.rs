//! `tokenflight exec`: a command with a token in its environment, on a descriptor, or in a file
//! that is kept fresh.

mod file;
mod run;

pub(super) use self::run::run;
