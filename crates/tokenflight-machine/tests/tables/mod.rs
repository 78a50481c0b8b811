//! Tables, by subject.

mod audiences;
mod clocks;
mod doubt;
mod ends;
mod events;
mod failures;
mod herd;
mod idle;
mod looks;
mod origins;
mod pending;
mod present;
mod refusals;
mod schedule;
mod sessions;
mod settings;
mod writes;
