//! Tables, by subject.

mod clocks;
mod failures;
mod herd;
mod refusals;
mod schedule;
mod sessions;
