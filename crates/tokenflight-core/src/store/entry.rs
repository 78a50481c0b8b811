//! What a store keeps for one grant.

use std::time::Duration;

use super::{ClockId, Incarnation, LockId, OpId, Owner, StoredTokens};
use crate::{EndReason, Epoch, Secret};

/// What a store keeps for a grant. A missing one counts as the default: epoch zero, never written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// Who wrote it last. With the storage's [`Incarnation`] this is its version.
    pub op: OpId,
    /// The incarnation it was claimed or freshly written in; `None` if a retry wrote it across a
    /// change of incarnation.
    pub home: Option<Incarnation>,
    /// Logins and logouts so far.
    pub epoch: Epoch,
    /// The [`Reset`](super::Body::Reset) that began the epoch.
    pub login: OpId,
    /// Token sets so far.
    pub rotation: u64,
    /// The [`Commit`](super::Body::Commit) or [`Reset`](super::Body::Reset) with these tokens.
    pub set: OpId,
    /// The session.
    pub state: EntryState,
    /// Who may present the refresh token now.
    pub claim: Option<Claim>,
    /// Set if the stored refresh token may have been presented and no report came. It survives
    /// claims and settles.
    pub doubt: Option<Doubt>,
    /// What the entry held beside all that: members of a newer version, or the application's own.
    /// It is kept as it is.
    pub extra: Vec<(String, Secret)>,
}

/// What an entry says about its session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Every reader must have an answer to each.
pub enum EntryState {
    /// There was no login. A grant that needs none can begin.
    #[default]
    Empty,
    /// Logged in.
    Active(StoredTokens),
    /// The authorization server ended it. The tokens stay until a login or logout: the access token
    /// may still be good.
    Ended {
        /// What was stored when it ended.
        tokens: StoredTokens,
        /// Why.
        reason: EndReason,
        /// When, on the wall clock, since the Unix epoch.
        at: Duration,
    },
    /// Logged out. No tokens are left.
    LoggedOut,
}

/// The right to present the stored refresh token, and the durable note that this is about to
/// happen, in one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claim {
    /// Whose it is.
    pub owner: Owner,
    /// The operation that made it.
    pub op: OpId,
    /// When it was made.
    pub since: Option<Reading>,
    /// Until when it excludes others, on the clock of `since`.
    pub until: Duration,
    /// How long it lasts, for processes that cannot compare clocks and watch it instead.
    pub length: Duration,
    /// The kernel lock under which it was made.
    pub lock: Option<LockId>,
    /// The holder's death is proved; what it may have sent is given time to arrive.
    pub dying: bool,
    /// Who it is, in words for people.
    pub holder: Box<str>,
}

/// A moment on a named clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // A reading and where it was taken.
pub struct Reading {
    /// Which clock.
    pub clock: ClockId,
    /// What it showed.
    pub at: Duration,
}

/// The stored refresh token may have been presented, and no report came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Doubt {
    /// The earliest moment at which that can have been. `None`: at any time.
    pub since: Option<Reading>,
}

impl Doubt {
    /// A doubt since this moment.
    #[must_use]
    pub const fn since(since: Option<Reading>) -> Self {
        Self { since }
    }

    /// How old the doubt is, if `now` was read from the same clock.
    #[must_use]
    pub fn age(&self, now: Option<Reading>) -> Option<Duration> {
        let (since, now) = self.since.zip(now)?;
        (since.clock == now.clock).then(|| now.at.saturating_sub(since.at))
    }
}

impl Default for Entry {
    fn default() -> Self {
        Self {
            op: OpId::NONE,
            home: None,
            epoch: Epoch::default(),
            login: OpId::NONE,
            rotation: 0,
            set: OpId::NONE,
            state: EntryState::Empty,
            claim: None,
            doubt: None,
            extra: Vec::new(),
        }
    }
}

impl Entry {
    /// The tokens, whether active or ended.
    #[must_use]
    pub const fn tokens(&self) -> Option<&StoredTokens> {
        match &self.state {
            EntryState::Active(tokens) | EntryState::Ended { tokens, .. } => Some(tokens),
            EntryState::LoggedOut | EntryState::Empty => None,
        }
    }

    /// Whether what was issued in this epoch is of no use any more because of a logout: there is
    /// one now, or more than one login or logout has followed. A single login in its place is none.
    #[must_use]
    pub fn has_logged_out_since(&self, epoch: Epoch) -> bool {
        self.state == EntryState::LoggedOut || self.epoch > epoch.next()
    }

    /// Its place in the history of its grant: logins and logouts first, then token sets.
    #[must_use]
    pub const fn order(&self) -> (Epoch, u64) {
        (self.epoch, self.rotation)
    }
}
