//! Tables, by subject.

mod clocks;
mod doubt;
mod ends;
//events
mod failures;
mod herd;
//idle
mod origins;
mod pending;
mod refusals;
mod schedule;
mod sessions;
//settings
mod writes;
