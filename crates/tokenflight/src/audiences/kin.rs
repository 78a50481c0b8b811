//! How sessions of audiences and the one they have in common hold each other. For any type of a
//! session, because that itself holds one of these.

use std::collections::VecDeque;

use crate::{
    refresh::Wish,
    sync::{Arc, Mutex, OnceLock, Weak},
};

/// The common session, and what audiences ask of it, in the order of asking.
pub(crate) struct Common<S> {
    pub(crate) root: Arc<S>,
    pub(super) queue: Mutex<VecDeque<Arc<Wish<S>>>>,
}

impl<S> Common<S> {
    pub(super) fn new(root: Arc<S>) -> Self {
        Self { root, queue: Mutex::default() }
    }
}

/// The sessions of the audiences, as the session that they have in common knows them.
///
/// Weak: they hold the common session.
#[derive(Debug)]
pub(crate) struct Members<S>(OnceLock<Vec<Weak<S>>>);

impl<S> Members<S> {
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(super) fn are(&self, sessions: Vec<Weak<S>>) {
        let _ = self.0.set(sessions);
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = Arc<S>> {
        self.0.get().into_iter().flatten().filter_map(Weak::upgrade)
    }
}
