//! The race of processes: seven ways to share one login among the processes of a machine.
//!
//! Each contestant is a login, a folder and a number of child processes, which are this very
//! program started again. The server is one, ends a session when a refresh token comes back, and
//! aims its faults at the process that presents: after the rotation, before the answer.
//!
//! From call to call: [`Options`](super::Options) → `stage` opens the server and starts the
//! `worker`s → each keeps one process running, a `child` that follows its `spec` and reports in
//! `message`s → the child's `agent` calls the API with the tokens of one of the `contestants` →
//! `strike` decides what meets a process that presents → a `person` logs in for contestants that
//! have lost their login → all of that is written down in a `ledger` → `standing` puts it beside
//! what the *server* counted → `table`, JSON and `picture` show it.

mod agent;
mod child;
mod contestants;
mod faults;
mod kind;
mod ledger;
mod living;
mod message;
mod person;
mod picture;
mod prelude;
mod signal;
mod spec;
mod stage;
mod standing;
mod starter;
mod strike;
mod table;
mod worker;

pub use self::{
    child::{CHILD, child},
    faults::Faults,
};
pub(super) use self::{
    picture::draw,
    stage::hold,
    standing::{Outcome, unharmed},
    table::table,
};
