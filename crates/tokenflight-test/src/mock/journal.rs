use std::sync::Mutex;

use crate::lock::lock;

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fate {
    /// It has begun.
    Running,
    /// It answered.
    Succeeded,
    /// It answered with an error.
    Failed,
    /// Its future was dropped before it could answer.
    Dropped,
    /// It panicked, as scripted.
    Panicked,
}

/// Calls in the order in which they began.
pub(super) struct Journal<E>(Mutex<Vec<(E, Fate)>>);

impl<E> Default for Journal<E> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<E> Journal<E> {
    pub(super) fn begin(&self, entry: E) -> Ticket<'_, E> {
        let mut entries = lock(&self.0);
        entries.push((entry, Fate::Running));
        Ticket { journal: self, at: entries.len() - 1 }
    }

    pub(super) fn map<T>(&self, read: impl FnMut(&(E, Fate)) -> T) -> Vec<T> {
        lock(&self.0).iter().map(read).collect()
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.0).len()
    }

    fn settle(&self, at: usize, fate: Fate) {
        if let Some((_, old @ Fate::Running)) = lock(&self.0).get_mut(at) {
            *old = fate;
        }
    }
}

/// One call in the journal. Dropped unsettled, the call was dropped.
pub(super) struct Ticket<'a, E> {
    journal: &'a Journal<E>,
    at: usize,
}

impl<E> Ticket<'_, E> {
    pub(super) fn settle(&self, fate: Fate) {
        self.journal.settle(self.at, fate);
    }
}

impl<E> Drop for Ticket<'_, E> {
    fn drop(&mut self) {
        self.settle(Fate::Dropped);
    }
}
