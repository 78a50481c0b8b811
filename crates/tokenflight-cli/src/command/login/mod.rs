//! `tokenflight login`.

mod browser;
mod device;
mod failed;
mod flow;
mod import;
mod run;
mod settings;

pub(super) use self::run::run;
