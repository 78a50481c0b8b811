//! What a refresh does, from the store and back to it.
//!
//! Read the store → if it holds something newer, adopt that and stop → claim what was read, in one
//! durable write that is also the note that it is about to be presented → look at the claim's age →
//! present → commit → publish. What is not stored yet is written before a refresh begins
//! ([`write`](crate::write)). A refresh always ends, it survives every panic of the user's code,
//! and it calls nothing of the user's while anything is locked.

mod claim;
mod end;
mod present;
mod run;
mod store;
mod wish;

pub(crate) use self::{
    run::run,
    wish::{Granted, Wish},
};
