//! Something that must be stored, and what the store's answers to it mean.

use std::{sync::Arc, time::Duration};

use tokenflight_core::{
    Epoch, Error, ErrorKind, Now, RefreshToken,
    store::{Body, Entry, Op, OpId, Reply, Seen, StoreErrorKind, StoredTokens},
};

use super::WorkId;

/// A write that must happen: a login, a logout, or a rotation. It is a value, so that what a
/// session leaves behind can be carried on without it.
#[derive(Clone, Debug)]
pub struct Pending {
    pub(super) op: Op,
    /// Whether `op` is as it will be: a login or logout names the login it replaces once the store
    /// has been read for it.
    settled: bool,
    /// When it began, on the boot clock.
    began: Duration,
    /// What was last seen in the store.
    known: Option<Arc<Entry>>,
    /// Logins and logouts of this session that this one replaces and that may still be stored.
    superseded: Vec<OpId>,
    /// Whether it is a logout, or a login in the place of one that was not stored: then what it
    /// replaces is to be revoked.
    ends: bool,
    /// What a logout has made useless and the store will not tell of.
    useless: Vec<RefreshToken>,
    /// Whether that goes for what was last seen in the store as well, if the store does not tell
    /// what was replaced.
    known_is_useless: bool,
    /// Whether it was told that it is not stored.
    pub(super) told: bool,
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
        /// As of `Stored`. After a logout also the refresh token that was to be stored.
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
            began: Duration::ZERO,
            known,
            superseded: Vec::new(),
            ends: false,
            useless: Vec::new(),
            known_is_useless: false,
            told: false,
        }
    }

    /// A login or logout, and what it replaces in memory.
    pub(super) fn reset(
        tokens: Option<StoredTokens>,
        known: Option<Arc<Entry>>,
        before: Option<Self>,
        now: Now,
    ) -> Self {
        let (mut superseded, mut useless, mut ends) = (Vec::new(), Vec::new(), tokens.is_none());
        // The one before may have read the store for itself.
        let read = before.as_ref().and_then(|before| before.known.clone());
        let known = read.into_iter().chain(known).max_by_key(|known| known.order());
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
        let (settled, began, known_is_useless, told) = (false, now.boot, ends, false);
        let mut pending =
            Self { op, settled, began, known, superseded, ends, useless: Vec::new(), known_is_useless, told };
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

    /// It is stored, and these are the tokens that it has replaced. If the store tells of none, a
    /// try whose answer was lost has replaced what was last seen.
    fn replaced(&mut self, tokens: Option<StoredTokens>) {
        let known = self.known.as_deref().filter(|_| self.known_is_useless).and_then(refresh_token).cloned();
        let replaced = tokens.and_then(|tokens| tokens.refresh).or(known);
        let replaced = replaced.filter(|_| self.ends);
        self.forget(replaced);
    }

    /// What this has made useless if this is its answer, although another has taken its place.
    #[must_use]
    pub fn ended(&self, answer: &Result<Reply, Failure>) -> Vec<RefreshToken> {
        match answer {
            Ok(Reply::Stored { replaced, .. }) if self.ends => {
                replaced.iter().filter_map(|tokens| tokens.refresh.clone()).collect()
            }
            _ => Vec::new(),
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

    /// Whether what is read now was there when this began, give or take the time that reading
    /// takes. It may have been left before it had read anything, and a login that has come since is
    /// none that it replaces.
    #[must_use]
    pub fn is_recent(&self, now: Now, limit: Duration) -> bool {
        now.boot.saturating_sub(self.began) <= limit
    }

    /// The store was read: the login in it is the one that is replaced. If it could not be read, or
    /// only [too late](Self::is_recent), the one that was last seen.
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

    /// What was last seen in the store. If the storage has lost it, it is written back before this
    /// is tried again.
    #[must_use]
    pub const fn known(&self) -> Option<&Arc<Entry>> {
        self.known.as_ref()
    }

    /// Takes the store's answer.
    pub fn answer(&mut self, answer: Result<Reply, Failure>, now: Now) -> Answered {
        match answer {
            Ok(Reply::Stored { entry, replaced }) => {
                self.replaced(replaced);
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
                if entry.has_logged_out_since(self.epoch()) {
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

    /// The epoch that this belongs to, or that it ends.
    fn epoch(&self) -> Epoch {
        match &self.op.body {
            Body::Commit { epoch, .. } => *epoch,
            _ => self.known.as_ref().map(|known| known.epoch).unwrap_or_default(),
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
