use std::{error::Error as StdError, fmt};

use super::Entry;
use crate::BoxError;

/// A store that could not do what it was asked.
///
/// The [kind](Self::kind) says what is known of the effect. When in doubt it is
/// [`Unknown`](StoreErrorKind::Unknown): another try of the operation with the same id finds out.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    tried: Option<Box<Entry>>,
    source: BoxError,
}

/// What is known of an operation that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // It was done, it was not, or it will never be.
pub enum StoreErrorKind {
    /// It had no effect and never will have: the connection was refused, say.
    NotDone,
    /// It may have had its effect, or may yet: the answer was lost.
    Unknown,
    /// It had no effect, and trying again will not help until something is repaired: wrong
    /// permissions, a damaged record, another version of the format.
    Refused,
}

impl StoreError {
    /// A failure of which nothing is known. Put no secret into the source.
    pub fn unknown(source: impl Into<BoxError>) -> Self {
        Self { kind: StoreErrorKind::Unknown, tried: None, source: source.into() }
    }

    /// A failure before anything was done.
    pub fn not_done(source: impl Into<BoxError>) -> Self {
        Self { kind: StoreErrorKind::NotDone, tried: None, source: source.into() }
    }

    /// A failure that trying again does not cure. The source says what does.
    pub fn refused(source: impl Into<BoxError>) -> Self {
        Self { kind: StoreErrorKind::Refused, tried: None, source: source.into() }
    }

    /// The same failure of a read: nothing was written.
    pub(super) fn before_any_write(mut self) -> Self {
        if self.kind == StoreErrorKind::Unknown {
            self.kind = StoreErrorKind::NotDone;
        }
        self
    }

    /// Adds the entry on which the failed try was computed.
    #[must_use]
    pub fn computed_on(mut self, entry: Option<Entry>) -> Self {
        self.tried = Some(Box::new(entry.unwrap_or_default()));
        self
    }

    /// What is known of the effect.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// The entry on which the try was computed, for [`Op::tried`](super::Op::tried) of the next.
    #[must_use]
    pub fn tried(&self) -> Option<&Entry> {
        self.tried.as_deref()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::NotDone => "the token store could not be reached",
            StoreErrorKind::Unknown => "the token store failed; whether it did what it was asked is not known",
            StoreErrorKind::Refused => "the token store refused",
        })
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&*self.source)
    }
}
