//! `tokenflight status`: what is stored, who may refresh, what is in the way, and which command
//! helps.

mod facts;
mod run;
mod show;

pub(super) use self::run::run;
