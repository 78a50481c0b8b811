//! What happens inside, for the people who operate the program: one funnel,
//! [`Parts::signal`](crate::parts::Parts::signal).
//!
//! A [`Signal`] is made of numbers, durations and closed sets. There is no text in it, so a secret
//! has no type to travel in; what a server or a store said becomes one name of a fixed list
//! ([`ErrorType`](sets::ErrorType)). The only text beside it is the session's label, a constant of
//! the program.
//!
//! Signals are made at cold places only: after a wait, a refusal or a store operation, and at the
//! end of a refresh. They are made by closures, which are called if something listens. Without the
//! feature `tracing` the funnel is an empty function, and what is kept for it has no size.
//!
//! A subscriber is the user's code: nothing is told, and no span is made, entered, cloned or
//! dropped, while anything is locked; and what is told is caught if it panics. *Test*:
//! `tests/telemetry`, `a_subscriber_may_ask_the_session_that_it_is_told_of` and
//! `a_subscriber_that_panics_costs_no_token`.
//!
//! Metrics have their place beside `trace.rs`, behind the same function: the signals carry what
//! instruments need.

mod ended;
mod funnel;
mod label;
mod sets;
mod signal;
mod span;
#[cfg_attr(not(feature = "tracing"), path = "off.rs")]
mod trace;

pub(crate) use self::{
    ended::Ended,
    label::{Telemetry, Timer},
    sets::{Operation, Replay, Replayed, Trigger},
    signal::Signal,
    span::{Cause, RefreshSpan},
    trace::breaker,
};
