//! How a refresh began and ended.

use tokenflight_core::{Epoch, FailureClass, Generation, store::EntryState};
use tokenflight_machine::{Finish, Outcome, Saved};

use super::sets::{self, Adopted, ErrorType, Reason};

/// What a refresh sets out with.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(super) struct Begun {
    pub(super) reason: Reason,
    pub(super) generation: Generation,
    /// Of what was last seen of the store.
    pub(super) epoch: Option<Epoch>,
}

/// How a refresh ended, in numbers and closed sets.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(crate) struct Ended {
    pub(super) outcome: sets::Outcome,
    pub(super) adopted: Option<Adopted>,
    pub(super) error: Option<ErrorType>,
    /// The epoch of the entry that it left in the store, or found there.
    pub(super) epoch: Option<Epoch>,
}

impl Ended {
    const fn new(outcome: sets::Outcome) -> Self {
        Self { outcome, adopted: None, error: None, epoch: None }
    }

    /// It has panicked: whether something was sent is not known.
    pub(crate) const fn crashed() -> Self {
        Self { error: Some(ErrorType::Ambiguous), ..Self::new(sets::Outcome::Ambiguous) }
    }

    /// No handle was left to adopt it.
    pub(crate) const fn closed(self) -> Self {
        Self { outcome: sets::Outcome::Closed, adopted: None, ..self }
    }

    /// What the session made of it.
    pub(crate) fn finished(self, finish: &Finish) -> Self {
        match finish {
            Finish::Stale { .. } => Self { outcome: sets::Outcome::Stale, adopted: None, ..self },
            Finish::Failed(error) => Self { error: Some(error.into()), adopted: None, ..self },
            Finish::Nothing => Self::new(sets::Outcome::NothingNew),
            Finish::Adopted => self,
        }
    }
}

impl<T> From<&Outcome<T>> for Ended {
    fn from(outcome: &Outcome<T>) -> Self {
        let from = |adopted, epoch| Self { adopted: Some(adopted), epoch, ..Self::new(sets::Outcome::Ok) };
        match outcome {
            Outcome::Obtained { saved, .. } => from(Adopted::Server, epoch(saved)),
            Outcome::Found { entry: Some(entry), token: Some(_) } => from(Adopted::Store, Some(entry.epoch)),
            Outcome::Found { entry, .. } => {
                // An active entry without an access token is a record that something else wrote.
                let state = entry.as_ref().map(|entry| &entry.state);
                let outcome = match state {
                    Some(EntryState::Active(_)) => sets::Outcome::Config,
                    _ => sets::Outcome::Over,
                };
                Self { epoch: entry.as_ref().map(|entry| entry.epoch), ..Self::new(outcome) }
            }
            Outcome::Ended { entry, .. } => Self { epoch: Some(entry.epoch), ..FailureClass::Terminal.into() },
            Outcome::Over { .. } => Self::new(sets::Outcome::Over),
            Outcome::KeptBack { .. } => Self::new(sets::Outcome::KeptBack),
            Outcome::Failed { class, rotated, .. } => {
                Self { epoch: rotated.as_ref().and_then(epoch), ..(*class).into() }
            }
        }
    }
}

impl From<FailureClass> for Ended {
    fn from(class: FailureClass) -> Self {
        Self::new(class.into())
    }
}

fn epoch(saved: &Saved) -> Option<Epoch> {
    match saved {
        Saved::Stored(entry) => Some(entry.epoch),
        Saved::Unsaved { .. } | Saved::Elsewhere { .. } => None,
    }
}
