//! Tables, by subject.

mod clocks;
mod doubt;
mod ends;
//events
mod failures;
mod herd;
//idle
mod origins;
//pending
mod refusals;
mod schedule;
mod sessions;
//settings
//writes
