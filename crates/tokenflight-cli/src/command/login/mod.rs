//! `tokenflight login`.

mod browser;
mod device;
mod failed;
mod import;
mod run;
mod settings;
mod way;

pub(super) use self::run::run;
