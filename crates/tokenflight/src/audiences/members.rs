//! The sessions of the audiences, as the session that they have in common knows them.

use crate::{
    slot::Inner,
    sync::{Arc, OnceLock, Weak},
};

/// Weak: they hold the common session.
#[derive(Debug, Default)]
pub(crate) struct Members(OnceLock<Vec<Weak<Inner>>>);

impl Members {
    pub(super) fn are(&self, sessions: Vec<Weak<Inner>>) {
        let _ = self.0.set(sessions);
    }

    /// Has their requests ask: without a driver it is up to them to move on what they share.
    pub(super) fn outdate(&self) {
        self.sessions().for_each(|session| session.outdate());
    }

    /// The common session has changed: a login or logout of its is theirs, also one of another
    /// process that it has met in the store.
    pub(crate) fn learn(&self, common: &Inner) {
        if let Some((login, over)) = common.login_in_common() {
            self.sessions().for_each(|session| session.follow_at_rest(login, over));
        }
    }

    fn sessions(&self) -> impl Iterator<Item = Arc<Inner>> {
        self.0.get().into_iter().flatten().filter_map(Weak::upgrade)
    }
}
