//! What several of the files here use.

pub(crate) use std::time::Duration;

pub(crate) use tokenflight_core::{
    Epoch, Now,
    store::{Body, Doubt, Entry, Facts, Op, OpId, Owner, Reading, StoreErrorKind, Timing, apply_with},
};
pub(crate) use tokenflight_machine::present::Lengths;

pub(crate) use crate::{
    bridge,
    canonical::Names,
    config::{Budget, Config, JUMP, Server, Storage, TRAVEL, ticks},
    fixture::{Fixture, Steps, push},
    mutants::Mutant,
    rules::Told,
    state::{
        Answer, Attempt, Claim, Family, Holder, Id, Kind, LOST, Life, Phase, Record, Request, Session, State, Swap,
        Tokens, Write,
    },
};
