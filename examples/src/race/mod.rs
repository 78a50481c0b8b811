//! Two races. With `--processes` that of [`processes`]; else that of four clients in one process.
//!
//! The race: four clients, each with a login of its own, against one authorization server that
//! rotates refresh tokens and ends a session when one comes back.
//!
//! From call to call: [`Options`] from the command line → `stage` opens the servers and lets the
//! `clients` run, each under the same `workload`, writing down in a `trace` what its callers saw →
//! `outcome` puts that beside what the *server* counted → `table`, JSON and `picture` show it.

mod clients;
mod options;
mod outcome;
mod picture;
pub mod processes;
mod progress;
mod reuses;
mod run;
mod stage;
mod table;
mod trace;
mod wire;
mod workload;

use self::outcome::{Outcome, Standing};
pub use self::{
    options::{Options, Seconds},
    processes::Faults,
    run::{BROKEN, HARMED, run},
};
use crate::clock::Clock;
