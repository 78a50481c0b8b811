//! Tables, by subject.

pub(crate) use std::{sync::Arc, time::Duration};

pub(crate) use tokenflight_core::{
    Error, ErrorKind, Event, FailureClass, Generation, GrantError, Now,
    grant::{Reason, ReusePolicy},
    store::{Entry, Facts, Incarnation, OpId, Owner, Reply, StoreErrorKind},
};
pub(crate) use tokenflight_machine::{
    Beside, Decision, Finish, Machine, Outcome, Plan, Policy, Refused, Role, Rules, Saved, Settled, Times, Work,
};

pub(crate) use crate::support::*;

mod audiences;
mod clocks;
mod discards;
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
