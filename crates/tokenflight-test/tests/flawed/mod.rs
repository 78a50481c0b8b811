//! Stores and cells with one flaw each.

mod cell;
mod flaws;
mod forgetful;
mod pause;
mod store;

pub(crate) use self::{
    cell::{CellFlaw, FlawedCell},
    forgetful::Forgetful,
    store::{Flaw, Flawed},
};
use self::{flaws::flaws, pause::pause};
