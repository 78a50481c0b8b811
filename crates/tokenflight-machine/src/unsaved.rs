//! Something that is not stored yet.

use std::{sync::Arc, time::Duration};

use tokenflight_core::{
    Error, Now,
    store::{Entry, StoredTokens},
};

use super::{Pending, backoff::Backoff};

/// The waiting times between attempts to store something. The longest is a third of the time that a
/// waiter for a claim gives an answering store.
const SAVE_BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Something that is not stored yet.
#[derive(Clone, Debug)]
pub(super) struct Unsaved {
    pub(super) pending: Pending,
    pub(super) backoff: Backoff,
    /// Whether a caller without a token waits for it.
    pub(super) blocks: bool,
}

impl Unsaved {
    pub(super) fn new(pending: Pending) -> Self {
        Self { pending, backoff: Backoff::default(), blocks: false }
    }

    /// A login or logout, in place of what was to be stored. Returns the last failure of that.
    pub(super) fn reset(
        tokens: Option<StoredTokens>,
        known: Option<Arc<Entry>>,
        before: Option<Box<Self>>,
        now: Now,
    ) -> (Self, Option<Error>) {
        let (before, error) = before.map_or((None, None), |before| {
            let mut before = *before;
            let error = before.backoff.reset();
            (Some(before.pending), error)
        });
        (Self::new(Pending::reset(tokens, known, before, now)), error)
    }

    /// The failure that was told last.
    pub(super) const fn error(&self) -> Option<&Error> {
        self.backoff.last()
    }

    /// The last failure, while its waiting time has not passed.
    pub(super) fn waiting(&self, now: Now) -> Option<&Error> {
        self.backoff.waiting(now.boot)
    }

    pub(super) const fn not_before(&self) -> Duration {
        self.backoff.not_before()
    }

    #[must_use]
    pub(super) fn fail(&mut self, error: Error, now: Now, random: u64) -> Option<Error> {
        self.pending.told = true;
        self.backoff.fail(SAVE_BACKOFF, now.boot, random, error)
    }
}
