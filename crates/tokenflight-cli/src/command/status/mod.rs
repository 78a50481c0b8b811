//! `tokenflight status`: what is stored, who may refresh, what hinders it, what command helps.

mod facts;
mod run;
mod show;

pub(super) use self::run::run;
