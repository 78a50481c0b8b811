//! The decision machine: every branch on time, generation, class, backoff, storm guard or schedule.
//!
//! This crate is for the engine of `tokenflight`; it promises no stability. Settings ([`Policy`])
//! are re-exported there.
//!
//! A [`Machine`] is a value. It reads no clock, draws no number, takes no lock and waits for
//! nothing: time and randomness are arguments. The engine asks and obeys:
//!
//! * **a caller wants a token**: [`Machine::usable`], [`Machine::lasting`], [`Machine::refused`],
//!   [`Machine::force`] answer with a [`Decision`]: use this, join the work in progress, start it,
//!   wait, or be refused;
//! * **time has passed**: [`Machine::tick`] says what to start and when to ask again ([`Tick`]);
//! * **the store was read**: [`Rules::reconcile`] says what the entry means for a refresh
//!   ([`Reconcile`]), and [`present`] when its refresh token may be presented;
//! * **a refresh has finished**: [`Machine::finish`] takes its [`Outcome`];
//! * **a write has finished**: [`Machine::written`] takes the store's answer;
//! * **the user acts**: [`Machine::login`], [`Machine::logout`], [`Machine::reload`],
//!   [`Machine::close`].
//!
//! The machine owns what it decides about: the tokens, what waits to be stored, what was last seen
//! of the store. What it lets go of and may hold the user's code (errors) is collected and handed
//! over by [`Machine::take_discarded`], to be dropped where no lock is held. Events are computed
//! from the state before and after a step: [`Machine::view`], [`View::events`].
//!
//! `now` must not go back on its boot clock; if so, the machine waits longer and nothing breaks.
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use tokenflight_core::{Now, TokenSet, store::StoredTokens};
//! use tokenflight_machine::{Beside, Decision, Machine, Policy, Rules, Times, Work};
//!
//! let at = |seconds| Now::new(Duration::from_secs(seconds), Duration::from_secs(1_700_000_000 + seconds));
//! let mut machine = Machine::<u32>::new(Arc::new(Rules::new(Policy::default())?));
//! let tokens = StoredTokens::from_set(&TokenSet::new("access").refresh_token("refresh"), at(0).wall, None);
//! machine.login(Some(1), Times::new(at(0), Some(Duration::from_secs(100))), tokens, at(0), 0);
//! // The login is to be stored: beside a usable token, and before anything else without one.
//! assert!(matches!(machine.usable(None, at(1)), Decision::Use { beside: Some(Beside::Write(_)) }));
//! assert!(matches!(machine.usable(None, at(101)), Decision::Join { work: Work::Write, .. }));
//! # Ok::<_, tokenflight_machine::PolicyError>(())
//! ```

mod ask;
mod backoff;
mod counts;
mod events;
mod finish;
mod life;
mod login;
mod look;
mod machine;
mod pending;
mod plan;
mod policy;
pub mod present;
mod reconcile;
mod rejected;
mod rules;
mod slice;
mod storm;
mod tick;
mod unsaved;
mod write;

pub use self::{
    events::View,
    machine::{Machine, Offer, Token},
    pending::{Answered, Failure, Pending},
    plan::{Beside, Decision, Finish, OriginId, Outcome, Plan, Refused, Saved, Start, Tick, Times, Work, WorkId},
    policy::{Policy, PolicyError},
    reconcile::Reconcile,
    rules::{Role, Rules},
    slice::Slice,
    write::Settled,
};
