//! Tables, by subject.

mod clocks;
mod doubt;
//ends
//events
mod failures;
mod herd;
//idle
mod origins;
//pending
mod refusals;
mod schedule;
//sessions
//settings
//writes
