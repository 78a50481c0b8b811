//! Tables, by subject.

mod clocks;
//doubt
//ends
//events
//failures
mod herd;
//idle
//origins
//pending
//refusals
mod schedule;
//sessions
//settings
//writes
