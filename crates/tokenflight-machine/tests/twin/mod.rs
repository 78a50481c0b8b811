//! A slow, obvious reference for the decision machine, and the laws both must keep.
//!
//! [`History`](history::History) is a list of what has happened; [`Twin`](model::Twin) derives every answer by looking
//! through it, so there is no state that could be forgotten to be updated. [`Pair`] asks both and compares; [`Laws`](laws::Laws)
//! holds what must be true of the machine alone, whatever the twin says.

mod history;
mod laws;
mod model;
mod ops;
mod pair;

pub(crate) use self::{ops::scripts, pair::Pair};
