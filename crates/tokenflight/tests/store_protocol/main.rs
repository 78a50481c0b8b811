//! What a refresh does with the store, in which order, and when it does not go on.
#![cfg(not(shuttle))]

mod claims;
mod fixture;
mod lagging;
mod looks;
mod losses;
mod notices;
mod outcomes;
mod reading;
