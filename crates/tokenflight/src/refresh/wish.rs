//! A presentation of the common refresh token that one of several audiences asks for.

use std::fmt;

use tokenflight_core::{Error, Grant, LoginId, grant::Reason};
use tokenflight_machine::{Times, WorkId};

use crate::{
    session::Access,
    sync::{Arc, OnceLock, Weak},
};

/// What one refresh of an audience asks of the common session; for any type of a session, because
/// that holds what is asked of it.
pub(crate) struct Wish<S> {
    /// How the refresh token is presented for this audience.
    pub(crate) grant: Arc<dyn Grant>,
    pub(crate) reason: Reason,
    /// How many logins and logouts the common session had when this was asked.
    pub(crate) pin: u64,
    /// The audience, and its refresh.
    pub(super) session: Weak<S>,
    pub(super) refresh: WorkId,
    granted: OnceLock<Granted>,
}

/// An access token for an audience, or why there is none.
pub(crate) type Granted = Result<(Access, Times, LoginId), Error>;

impl<S> Wish<S> {
    pub(crate) fn new(grant: Arc<dyn Grant>, reason: Reason, pin: u64, session: Weak<S>, refresh: WorkId) -> Self {
        Self { grant, reason, pin, session, refresh, granted: OnceLock::new() }
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

impl<S> fmt::Debug for Wish<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wish").field("reason", &self.reason).finish_non_exhaustive()
    }
}
