//! Tables, by subject.

mod clocks;
mod doubt;
mod ends;
mod events;
mod failures;
mod herd;
mod idle;
mod origins;
mod pending;
mod refusals;
mod schedule;
mod sessions;
mod settings;
mod writes;
