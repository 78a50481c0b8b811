//! What is not stored yet, and what the store's answers to it mean.

use std::{sync::Arc, time::Duration};

use tokenflight_core::{
    Error, ErrorKind, FailureClass, Now, RefreshToken,
    store::{Body, Entry, EntryState, Op, OpId, Reply, Seen, StoreErrorKind, StoredTokens},
};

use super::{Machine, Token, WorkId, backoff::Backoff, machine::Phase};

/// The waiting times between attempts to store something. The longest is a third of the time that a waiter for a claim
/// gives an answering store.
const SAVE_BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A write that must happen: a login, a logout, or a rotation. It is a value, so that what a session leaves behind can be
/// carried on without it.
#[derive(Clone, Debug)]
pub struct Pending {
    op: Op,
    /// Whether `op` is as it will be: a login or logout names the login it replaces once the store has been read for it.
    settled: bool,
    /// What was last seen in the store.
    known: Option<Arc<Entry>>,
    /// Logins and logouts of this session that this one replaces and that may still be stored.
    superseded: Vec<OpId>,
    /// Whether it is a logout, or a login in the place of one that was not stored: then what it replaces is to be revoked.
    ends: bool,
    /// What a logout has made useless and the store will not tell of.
    useless: Vec<RefreshToken>,
    /// Whether that goes for what was last seen in the store as well, if the store does not tell what was replaced.
    known_is_useless: bool,
    /// Whether it was told that it is not stored.
    told: bool,
}

/// What the store's answer means for a write.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // The engine must have an answer to each.
#[allow(clippy::large_enum_variant)] // Taken apart at once.
pub enum Answered {
    /// It is stored.
    Stored {
        /// The entry.
        entry: Entry,
        /// What a logout has made useless, to be revoked.
        revoke: Vec<RefreshToken>,
    },
    /// It will not be stored.
    Overtaken {
        /// What counts instead.
        entry: Entry,
        /// As of `Stored`. If what counts is a logout, also the refresh token that was to be stored.
        revoke: Vec<RefreshToken>,
    },
    /// Try again at once: only an earlier login or logout of the same session was in the way.
    Again,
    /// Try again later.
    Failed(Error),
}

impl Pending {
    /// A rotation that was tried already, and what was claimed for it.
    #[must_use]
    pub const fn tried(op: Op, known: Option<Arc<Entry>>) -> Self {
        Self {
            op,
            settled: true,
            known,
            superseded: Vec::new(),
            ends: false,
            useless: Vec::new(),
            known_is_useless: false,
            told: false,
        }
    }

    /// A login or logout, and what it replaces in memory.
    fn reset(tokens: Option<StoredTokens>, known: Option<Arc<Entry>>, before: Option<Self>, now: Now) -> Self {
        let (mut superseded, mut useless, mut ends) = (Vec::new(), Vec::new(), tokens.is_none());
        if ends {
            useless.extend(before.as_ref().and_then(Self::refresh_token).cloned());
        }
        if let Some(before) = before {
            ends |= before.ends;
            useless.extend(before.useless);
            if matches!(before.op.body, Body::Reset { .. }) {
                superseded = before.superseded;
                superseded.push(before.op.id);
                // What the store tells then may be what the one before has put in its place.
                useless.extend(known.as_deref().filter(|_| ends).and_then(refresh_token).cloned());
            }
        }
        let op = Op::new(None, now, Body::Reset { base: None, tokens });
        let (settled, known_is_useless, told) = (false, ends, false);
        let mut pending = Self { op, settled, known, superseded, ends, useless: Vec::new(), known_is_useless, told };
        pending.forget(useless);
        pending
    }

    /// These are to be revoked, once each, but for the one that is in use again.
    fn forget(&mut self, tokens: impl IntoIterator<Item = RefreshToken>) {
        for token in tokens {
            if self.refresh_token() != Some(&token) && !self.useless.contains(&token) {
                self.useless.push(token);
            }
        }
    }

    /// What a logout has made useless, to be revoked now, although it is not stored.
    pub fn take_useless(&mut self) -> Vec<RefreshToken> {
        if std::mem::take(&mut self.known_is_useless) {
            let known = self.known.as_deref().and_then(refresh_token).cloned();
            self.forget(known);
        }
        std::mem::take(&mut self.useless)
    }

    /// Whether it was told that it is not stored: then what becomes of it is told as well.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        self.told
    }

    /// The name of its work.
    #[must_use]
    pub const fn id(&self) -> WorkId {
        WorkId(self.op.id.get() as u64)
    }

    /// The operation, tried at this moment.
    #[must_use]
    pub fn op(&self, now: Now) -> Op {
        self.op.clone().at(now)
    }

    /// Whether the store must be read first, to name the login that this replaces.
    #[must_use]
    pub const fn is_unsettled(&self) -> bool {
        !self.settled
    }

    /// Whether it is a logout.
    #[must_use]
    pub const fn is_logout(&self) -> bool {
        matches!(self.op.body, Body::Reset { tokens: None, .. })
    }

    /// The store was read: the login in it is the one that is replaced. If it could not be read, the one that was last seen.
    pub fn settle(&mut self, read: Option<&Seen>) {
        if let Body::Reset { base, .. } = &mut self.op.body
            && !self.settled
        {
            if let Some(seen) = read {
                self.known = Some(Arc::new(seen.entry.clone().unwrap_or_default()));
                self.op.born = seen.facts.incarnation;
            }
            *base = self.known.as_ref().map(|known| known.login);
            self.settled = true;
        }
    }

    /// What was last seen in the store. If the storage has lost it, it is written back before this is tried again.
    #[must_use]
    pub const fn known(&self) -> Option<&Arc<Entry>> {
        self.known.as_ref()
    }

    /// Takes the store's answer.
    pub fn answer(&mut self, answer: Result<Reply, Failure>, now: Now) -> Answered {
        match answer {
            Ok(Reply::Stored { entry, replaced }) => {
                let replaced = replaced.filter(|_| self.ends).and_then(|tokens| tokens.refresh);
                self.forget(replaced);
                Answered::Stored { entry, revoke: std::mem::take(&mut self.useless) }
            }
            Ok(Reply::Overtaken(entry)) if self.superseded.contains(&entry.login) => {
                // A name of its own: the first one may be on its way with another base.
                self.superseded.push(self.op.id);
                let tokens = match &self.op.body {
                    Body::Reset { tokens, .. } => tokens.clone(),
                    _ => None,
                };
                self.op = Op::new(self.op.born, now, Body::Reset { base: Some(entry.login), tokens });
                Answered::Again
            }
            Ok(Reply::Overtaken(entry) | Reply::Conflict(entry)) => {
                let mut revoke = self.take_useless();
                if entry.state == EntryState::LoggedOut {
                    revoke.extend(self.refresh_token().cloned());
                }
                Answered::Overtaken { entry, revoke }
            }
            Ok(Reply::Granted(_) | Reply::Changed(_) | Reply::Busy { .. } | Reply::Nothing) => {
                let error = "the store gave an answer that does not fit the operation";
                Answered::Failed(Error::with_source(ErrorKind::Store, error))
            }
            Err(failure) => {
                self.op.tried = failure.tried.or_else(|| self.op.tried.take());
                Answered::Failed(failure.error)
            }
        }
    }

    /// The refresh token that is lost if this is never stored.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&RefreshToken> {
        match &self.op.body {
            Body::Commit { next, .. } => next.refresh.as_ref(),
            Body::Reset { tokens, .. } => tokens.as_ref()?.refresh.as_ref(),
            _ => None,
        }
    }
}

fn refresh_token(entry: &Entry) -> Option<&RefreshToken> {
    entry.tokens()?.refresh.as_ref()
}

/// An operation that failed, as the engine tells it.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs)] // Made by the engine.
pub struct Failure {
    /// What is known of the effect.
    pub kind: StoreErrorKind,
    /// The entry on which the try was computed.
    pub tried: Option<Box<Entry>>,
    /// The failure.
    pub error: Error,
}

/// Something that is not stored yet.
#[derive(Clone, Debug)]
pub(super) struct Unsaved {
    pub(super) pending: Pending,
    backoff: Backoff,
    /// Whether a caller without a token waits for it.
    pub(super) blocks: bool,
}

/// What a write's end leaves to be done.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // The engine must have an answer to each.
pub enum Settled {
    /// It is stored. These refresh tokens are of no use since a logout, and are to be revoked.
    Stored(Vec<RefreshToken>),
    /// It will not be stored: another state counts. These refresh tokens are to be revoked.
    Overtaken(Vec<RefreshToken>),
    /// It is to be tried again later. What a logout has made useless is not: it is to be revoked now.
    Failed(Error, Vec<RefreshToken>),
    /// It is to be tried again at once, under this name.
    Again(WorkId),
    /// It is no longer what waits to be stored.
    Stale,
}

impl Unsaved {
    pub(super) fn new(pending: Pending) -> Self {
        Self { pending, backoff: Backoff::default(), blocks: false }
    }

    /// A login or logout, in the place of what was to be stored before. Returns the last failure of that.
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
        self.unsaved.take().map(|unsaved| unsaved.pending)
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

    /// A caller wants what is not stored to be stored now: joins or starts the write; `None` if everything is stored.
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
