//! What waits to be stored.

use std::sync::Arc;

use tokenflight_core::{
    Error, ErrorKind, FailureClass, Now, RefreshToken,
    store::{Body, Entry, EntryState, Reply, Seen},
};

use super::{Answered, Failure, Machine, Pending, Token, WorkId, machine::Phase, unsaved::Unsaved};

/// What a write's end leaves to be done.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // The engine must have an answer to each.
pub enum Settled {
    /// It is stored. These refresh tokens are of no use since a logout, and are to be revoked.
    Stored(Vec<RefreshToken>),
    /// It will not be stored: another state counts. These refresh tokens are to be revoked.
    Overtaken(Vec<RefreshToken>),
    /// It is to be tried again later. What a logout made useless is not: it is to be revoked now.
    Failed(Error, Vec<RefreshToken>),
    /// It is to be tried again at once, under this name.
    Again(WorkId),
    /// It is no longer what waits to be stored.
    Stale,
}

impl<T: Token> Machine<T> {
    /// What the write of this name is to store; `None` if it has been replaced.
    #[must_use]
    pub fn pending(&self, write: WorkId) -> Option<&Pending> {
        self.unsaved.as_ref().map(|unsaved| &unsaved.pending).filter(|pending| pending.id() == write)
    }

    /// See [`Pending::settle`].
    pub fn settle(&mut self, write: WorkId, read: Option<&Seen>) {
        if let Some(unsaved) = self.unsaved.as_mut().filter(|unsaved| unsaved.pending.id() == write) {
            unsaved.pending.settle(read);
        }
    }

    /// A write has finished.
    pub fn written(&mut self, write: WorkId, result: Result<Reply, Failure>, now: Now, random: u64) -> Settled {
        if self.write == Some(write) {
            self.write = None;
        }
        let Some(mut unsaved) = self.unsaved.take_if(|unsaved| unsaved.pending.id() == write) else {
            self.discard(result.err().map(|failure| failure.error));
            return Settled::Stale;
        };
        let settled = match unsaved.pending.answer(result, now) {
            Answered::Stored { entry, revoke } => {
                self.known = Some(Arc::new(entry));
                Settled::Stored(revoke)
            }
            Answered::Overtaken { entry, revoke } => {
                self.overtaken(entry, &unsaved.pending);
                Settled::Overtaken(revoke)
            }
            Answered::Again => {
                let id = unsaved.pending.id();
                (self.unsaved, self.write) = (Some(unsaved), Some(id));
                return Settled::Again(id);
            }
            Answered::Failed(error) => return self.not_written(unsaved, error, now, random),
        };
        let last = unsaved.backoff.reset();
        self.discard(last);
        settled
    }

    /// Hands over what is not stored; for a session that goes.
    pub fn take_pending(&mut self) -> Option<Pending> {
        let mut unsaved = self.unsaved.take()?;
        let last = unsaved.backoff.reset();
        self.discard(last);
        Some(unsaved.pending)
    }

    fn not_written(&mut self, mut unsaved: Box<Unsaved>, error: Error, now: Now, random: u64) -> Settled {
        let last = unsaved.fail(error.clone(), now, random);
        self.discard(last);
        if std::mem::take(&mut unsaved.blocks) {
            self.count_failure(FailureClass::NotSent, &error);
        }
        let useless = unsaved.pending.take_useless();
        self.unsaved = Some(unsaved);
        Settled::Failed(error, useless)
    }

    /// Another process's state is stored instead of ours.
    fn overtaken(&mut self, entry: Entry, ours: &Pending) {
        self.counts.overtaken = self.counts.overtaken.saturating_add(1);
        let same_login = matches!(ours.op.body, Body::Commit { login, .. } if login == entry.login);
        match &entry.state {
            // A logout stays one here, until the store is read again.
            _ if ours.is_logout() => {}
            EntryState::LoggedOut => {
                self.login = self.login.next();
                self.known = Some(Arc::new(entry));
                self.set_phase(Phase::Over(Error::new(ErrorKind::LoggedOut)));
            }
            // The same login has another successor: the next refresh adopts it.
            _ if same_login => {}
            _ => {
                self.login = self.login.next();
                self.set_phase(Phase::Unloaded { was: None, held: None });
            }
        }
    }

    pub(super) fn begin_write(&mut self) -> Option<WorkId> {
        let id = self.unsaved.as_ref()?.pending.id();
        self.write = Some(id);
        Some(id)
    }

    pub(super) fn save_due(&self, now: Now) -> bool {
        self.write.is_none() && self.unsaved.as_ref().is_some_and(|unsaved| now.boot >= unsaved.not_before())
    }

    /// A caller wants what is not stored to be stored now: joins or starts the write; `None` if
    /// everything is stored.
    pub fn flush(&mut self) -> Option<WorkId> {
        if self.write.is_some() {
            return self.write;
        }
        self.begin_write()
    }

    pub(super) fn count_failure(&mut self, class: FailureClass, error: &Error) {
        self.counts.failed = self.counts.failed.saturating_add(1);
        if class == FailureClass::Interaction {
            self.counts.interaction = Some(self.login);
        }
        let last = self.counts.failure.replace((class, error.clone()));
        self.discard(last.map(|(_, error)| error));
    }
}
