//! A presentation of the common refresh token that one of several audiences asks for.

use std::fmt;

use tokenflight_core::{Error, Grant, LoginId, grant::Reason};
use tokenflight_machine::{Times, Work, WorkId};

use crate::{
    session::Access,
    slot::Inner,
    sync::{Arc, OnceLock, Weak},
};

/// What one refresh of an audience asks of the common session.
pub(crate) struct Wish {
    /// How the refresh token is presented for this audience.
    pub(crate) grant: Arc<dyn Grant>,
    pub(crate) reason: Reason,
    /// How many logins and logouts the common session had when this was asked.
    pub(crate) pin: u64,
    /// The audience, and its refresh.
    session: Weak<Inner>,
    refresh: WorkId,
    granted: OnceLock<Granted>,
}

/// An access token for an audience, or why there is none.
pub(crate) type Granted = Result<(Access, Times, LoginId), Error>;

impl Wish {
    pub(crate) fn new(grant: Arc<dyn Grant>, reason: Reason, pin: u64, session: Weak<Inner>, refresh: WorkId) -> Self {
        Self { grant, reason, pin, session, refresh, granted: OnceLock::new() }
    }

    /// Whether a caller or a driver waits for it. Locks the audience's slot.
    pub(crate) fn is_wanted(&self) -> bool {
        self.session.upgrade().is_some_and(|session| {
            session.peek(|slot| {
                let current = slot.machine.running(Work::Refresh) == Some(self.refresh);
                current && slot.refresh.as_ref().is_some_and(|flight| flight.is_waited_for())
            })
        })
    }

    /// Whether no handle of the audience is left.
    pub(crate) fn is_gone(&self) -> bool {
        self.session.strong_count() == 0
    }

    /// The presentation has ended; it is made once.
    pub(crate) fn end(&self, granted: Granted) {
        let _ = self.granted.set(granted);
    }

    pub(crate) fn granted(&self) -> Option<&Granted> {
        self.granted.get()
    }
}

impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wish").field("reason", &self.reason).finish_non_exhaustive()
    }
}
