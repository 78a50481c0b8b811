//! The commands.

mod exec;
mod folder;
mod login;
mod logout;
mod manual;
mod run;
mod soak;
mod status;
mod token;

pub(crate) use self::{
    manual::MANUAL,
    run::{run, run_hidden},
};
