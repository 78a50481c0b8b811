//! The race: four clients, each with a login of its own, against one authorization server that rotates refresh tokens and
//! ends a session when one comes back.
//!
//! The way through it: [`Options`] from the command line → [`stage`] opens the servers and lets the [`clients`] run, each
//! under the same [`workload`], writing down in a [`trace`] what its callers saw → [`outcome`] puts that beside what the
//! *server* counted → [`table`], JSON and [`picture`] show it.

pub mod clients;
mod clock;
mod options;
pub mod outcome;
pub mod picture;
mod progress;
mod run;
pub mod stage;
pub mod table;
pub mod trace;
pub mod wire;
pub mod workload;

pub use self::{
    clock::Clock,
    options::Options,
    outcome::{Outcome, Standing},
    run::{BROKEN, HARMED, run},
};
