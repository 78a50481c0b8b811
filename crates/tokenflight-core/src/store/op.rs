//! What a session asks a store to do, and what the store answers.

use std::time::Duration;

use super::{ClockId, Entry, Incarnation, LockId, OpId, Owner, Reading, StoredTokens};
use crate::{EndReason, Epoch, Now, RefreshToken, grant::ReusePolicy};

/// One operation on one entry. It keeps its id through all its tries, so that an unknown outcome is
/// settled by reading.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Op {
    /// Its name.
    pub id: OpId,
    /// The incarnation of the storage when the session first read it for this operation.
    pub born: Option<Incarnation>,
    /// Both clocks of the session, at this try. A storage with its own clock does not use them.
    pub asked: Now,
    /// For how long this process has seen the very entry that it is about, by the boot clock,
    /// without a failed answer.
    pub watched: Duration,
    /// What the session has read. A storage that compares the whole [`Version`](super::Version)
    /// when it writes may compute the first try on it, instead of reading again; one that does not
    /// compare must read. For a claim it was asked for at `asked` or later; for a commit it is as
    /// old as the token request.
    pub read: Option<Box<Seen>>,
    /// The entry on which the last try was computed whose outcome is unknown; from
    /// [`StoreError::tried`](super::StoreError::tried).
    pub tried: Option<Box<Entry>>,
    /// What to do.
    pub body: Body,
}

/// What an [`Op`] does. [`apply`](super::apply()) has the rules.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // These are the operations of the contract.
pub enum Body {
    /// Takes the right to present the stored refresh token, and notes that this is about to happen.
    Claim {
        /// Who asks.
        owner: Owner,
        /// The entry on which this was decided, by who wrote it.
        seen: OpId,
        /// How long the claim lasts.
        length: Duration,
        /// An earlier attempt of the same session that sent nothing: its claim is no obstacle.
        yields: Option<Owner>,
        /// Who asks, in words for people.
        holder: Box<str>,
    },
    /// Stores a successor.
    Commit {
        /// The epoch it belongs to.
        epoch: Epoch,
        /// The login it belongs to.
        login: OpId,
        /// The token set it replaces.
        over: OpId,
        /// The refresh token that was presented for it.
        presented: Option<RefreshToken>,
        /// What came back.
        next: StoredTokens,
    },
    /// Notes that the authorization server ended the session.
    End {
        /// Who presented.
        owner: Owner,
        /// The epoch that ended.
        epoch: Epoch,
        /// The login that ended.
        login: OpId,
        /// The token set whose refresh token was refused.
        over: OpId,
        /// The refresh token that was refused.
        presented: Option<RefreshToken>,
        /// Why.
        reason: EndReason,
        /// When, on the wall clock, since the Unix epoch.
        at: Duration,
    },
    /// Gives a claim back that brought neither a successor nor an end.
    Settle {
        /// Whose claim.
        owner: Owner,
        /// What is known of the refresh token.
        outcome: Outcome,
    },
    /// A login (tokens) or a logout (none).
    Reset {
        /// The login that it is to replace; `None` replaces any.
        base: Option<OpId>,
        /// The tokens of the login.
        tokens: Option<StoredTokens>,
    },
    /// Writes back what a failover or a restore has lost.
    Again {
        /// The entry as this process last saw it.
        record: Box<Entry>,
    },
}

/// How an attempt ended that has no successor and no end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // It was presented or it was not.
pub enum Outcome {
    /// The refresh token was not presented, or provably not processed.
    Untouched,
    /// It may have been processed. The server's reuse policy says how long others must wait.
    Ambiguous(ReusePolicy),
}

/// What the storage itself says at one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// The clock by which claims are timed.
    pub clock: Clock,
    /// Whether that clock kept pace with the boot clock, to 5 s, since this process first read it.
    /// `src/facts.rs` of `tokenflight-store-postgres` measures it.
    pub trusted: bool,
    /// Its line of history, if it can lose one.
    pub incarnation: Option<Incarnation>,
    /// The kernel lock that this process holds for the entry: on a local file system, and still the
    /// file of that name.
    pub lock: Option<LockId>,
}

/// Where a storage's time comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // There is no other place.
pub enum Clock {
    /// There is none: a claim is watched for its whole length.
    #[default]
    None,
    /// Every session that reaches the entry is in this process, and they share the boot clock they
    /// are built with.
    Caller,
    /// The storage's own.
    Storage {
        /// Which.
        id: ClockId,
        /// What it shows.
        now: Duration,
    },
}

impl Facts {
    /// A storage that says nothing of itself.
    #[must_use]
    pub const fn none() -> Self {
        Self { clock: Clock::None, trusted: false, incarnation: None, lock: None }
    }

    /// A storage within this process.
    #[must_use]
    pub const fn in_process() -> Self {
        Self { clock: Clock::Caller, trusted: true, incarnation: None, lock: None }
    }

    /// A storage with a clock of its own.
    #[must_use]
    pub const fn at(id: ClockId, now: Duration, trusted: bool) -> Self {
        Self { clock: Clock::Storage { id, now }, trusted, incarnation: None, lock: None }
    }

    /// Whether a part of the storage's history was lost, and `known` with it: `stored` is an
    /// ancestor of it, written in another incarnation than the present one.
    ///
    /// One incarnation is one line of history, and so is one login. An entry of the same home or
    /// login with lower numbers is an ancestor; the login tells if a retry wrote the entry again,
    /// which gives it no home.
    #[must_use]
    pub fn have_lost(&self, known: &Entry, stored: &Entry) -> bool {
        let related = stored.home == known.home || stored.login == known.login;
        stored.home != self.incarnation && related && stored.order() < known.order()
    }

    /// What the clock shows to a session that asked at `asked`.
    #[must_use]
    pub fn now(&self, asked: Now) -> Option<Reading> {
        match self.clock {
            Clock::None => None,
            Clock::Caller => Some(Reading { clock: ClockId::of_this_process(), at: asked.boot }),
            Clock::Storage { id, now } => Some(Reading { clock: id, at: now }),
        }
    }
}

/// An entry as it was read, and what the storage said with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// The entry; `None` if there is none.
    pub entry: Option<Entry>,
    /// What the storage said.
    pub facts: Facts,
}

impl Seen {
    /// An entry and what the storage said.
    #[must_use]
    pub const fn new(entry: Option<Entry>, facts: Facts) -> Self {
        Self { entry, facts }
    }
}

/// The answer to an [`Op`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // The engine must have an answer to each.
#[allow(clippy::large_enum_variant)] // An answer that is taken apart at once.
pub enum Reply {
    /// The claim is the asker's; this is the entry, read under it.
    Granted(Entry),
    /// The entry is not the one that the claim was decided on: decide anew.
    Changed(Entry),
    /// Another holder may present, or the entry is in quarantine.
    Busy {
        /// When it is worth asking again, if that is known.
        retry_after: Option<Duration>,
        /// Who holds it, in words for people.
        holder: Option<Box<str>>,
    },
    /// It is stored.
    Stored {
        /// The entry as it is now.
        entry: Entry,
        /// The tokens that a login or logout replaced: theirs is the refresh token to revoke.
        replaced: Option<StoredTokens>,
    },
    /// Refused: the epoch, login or predecessor is another one. This is what is stored instead.
    Conflict(Entry),
    /// Refused: another login or logout came first. This is what is stored instead.
    Overtaken(Entry),
    /// There was nothing to settle.
    Nothing,
}

impl Op {
    /// An operation with its own name. `born` is what its first [`load`](super::Store::load) said.
    #[must_use]
    pub fn new(born: Option<Incarnation>, asked: Now, body: Body) -> Self {
        Self { id: OpId::unique(), born, asked, watched: Duration::ZERO, read: None, tried: None, body }
    }

    /// The same, tried at this moment. What was read for an earlier try does not count.
    #[must_use]
    pub fn at(mut self, asked: Now) -> Self {
        (self.asked, self.read) = (asked, None);
        self
    }

    /// The same, by a session that has [read](Self::read) this.
    #[must_use]
    pub fn having_read(mut self, seen: Seen) -> Self {
        self.read = Some(Box::new(seen));
        self
    }

    /// The same, after a try whose outcome is unknown and that was computed on this entry.
    #[must_use]
    pub fn tried_on(mut self, entry: Option<Box<Entry>>) -> Self {
        (self.tried, self.read) = (entry.or(self.tried), None);
        self
    }

    /// The same, by a process that has watched the entry for so long.
    #[must_use]
    pub const fn watched(mut self, watched: Duration) -> Self {
        self.watched = watched;
        self
    }
}
