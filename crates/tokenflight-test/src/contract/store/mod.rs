//! The suite for [`Store`](tokenflight_core::store::Store).

mod claim;
mod commit;
mod end;
mod keep;
mod like;
mod reset;
mod settle;
mod suite;
mod together;
mod trial;
mod twice;

pub use self::{
    keep::survives,
    suite::{STORE_RULES, store},
};
