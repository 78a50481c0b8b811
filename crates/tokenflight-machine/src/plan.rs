//! What goes into the machine and what comes out of it.

use std::{sync::Arc, time::Duration};

use tokenflight_core::{
    Error, FailureClass, Generation, LoginId, Now,
    grant::Reason,
    store::{Entry, Op},
};

/// The name of a piece of work; never used twice in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkId(pub(super) u64);

/// The two kinds of work. There is at most one of each in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // The engine must have an answer to each.
pub enum Work {
    /// Obtaining a token set.
    Refresh,
    /// Storing what is not stored.
    Write,
}

/// The name of an origin: equal for equal origins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OriginId(u64);

impl OriginId {
    /// An origin known by this number, such as a hash of its text.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// What a refresh sets out with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// Its name.
    pub id: WorkId,
    /// Why it was started.
    pub reason: Reason,
    /// The login it belongs to; its result is discarded in any other.
    pub login: LoginId,
    /// The generation it is to replace.
    pub generation: Generation,
    /// What was last seen of the store: before it began, and then what it decided on.
    pub known: Option<Arc<Entry>>,
    /// Until when the current access token can be used, from `started`; `None` if it cannot.
    pub usable: Option<Duration>,
    /// When it was started.
    pub started: Now,
    /// Whether it only looks into the store: the authorization server is left alone for a while.
    pub looks: bool,
}

impl Plan {
    /// Whether the access token that was current when this began can still be used.
    #[must_use]
    pub fn is_usable(&self, now: Now) -> bool {
        self.usable.is_some_and(|left| now.since(self.started) < left)
    }
}

/// What to start.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // As `Work`.
pub enum Start {
    /// A refresh.
    Refresh(Plan),
    /// The write of this operation.
    Write(WorkId),
}

/// The answer to a caller that wants a token.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // The engine must have an answer to each.
pub enum Decision {
    /// Use the current token.
    Use {
        /// What to keep moving beside it, if no driver does.
        beside: Option<Beside>,
    },
    /// Wait for the work in progress.
    Join {
        /// Which.
        work: Work,
        /// Whether it has taken too long: it must be polled, so that it looks at the clock.
        overdue: bool,
    },
    /// Start this and wait for it.
    Start(Start),
    /// Ask again when the boot clock shows this.
    Wait {
        /// Time on the boot clock.
        until: Duration,
    },
    /// There is no token, and this is why.
    Refuse(Error),
}

/// What goes on beside a usable token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // As `Decision`.
pub enum Beside {
    /// This is in progress.
    Join(Work),
    /// Something is to be stored: start that.
    Write(WorkId),
}

/// A refusal of a token by a resource server, or by the user.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Refused {
    /// The login whose token it was.
    pub login: LoginId,
    /// The generation of the refused token.
    pub generation: Generation,
    /// Who refused it; `None` if it was the user.
    pub origin: Option<OriginId>,
    /// How often the request was sent again already.
    pub replays: u8,
    /// Whether the caller has the refusal back: the request is not sent again.
    pub returned: bool,
}

impl Refused {
    /// A refusal of the first send.
    #[must_use]
    pub const fn new(login: LoginId, generation: Generation, origin: Option<OriginId>) -> Self {
        Self { login, generation, origin, replays: 0, returned: false }
    }

    /// The refusal of a replay.
    #[must_use]
    pub const fn after_replays(mut self, replays: u8) -> Self {
        self.replays = replays;
        self
    }

    /// The request is not sent again, whatever a refresh brings.
    #[must_use]
    pub const fn returned(mut self) -> Self {
        self.returned = true;
        self
    }
}

/// What the passing of time asks for.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Tick {
    /// Start this refresh.
    pub refresh: Option<Plan>,
    /// Start this write.
    pub write: Option<WorkId>,
    /// Poll the refresh in progress: it is overdue.
    pub overdue: bool,
    /// Ask again when the boot clock shows this.
    pub next: Option<Duration>,
}

/// How long an access token lives, and from when that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Times {
    /// From when the lifetime counts: before the request for it was sent.
    pub anchor: Now,
    /// The lifetime, if it is known.
    pub lifetime: Option<Duration>,
    /// When the server would like to be asked again, counted from `anchor`.
    pub refresh_in: Option<Duration>,
    /// How old the token was at `anchor`: zero, unless the boot clock is younger than the token.
    pub age: Duration,
}

impl Times {
    /// A token of this lifetime.
    #[must_use]
    pub const fn new(anchor: Now, lifetime: Option<Duration>) -> Self {
        Self { anchor, lifetime, refresh_in: None, age: Duration::ZERO }
    }

    /// A token of this lifetime that was received this long ago.
    #[must_use]
    pub fn received(now: Now, ago: Duration, lifetime: Option<Duration>) -> Self {
        match now.boot.checked_sub(ago) {
            Some(_) => Self::new(now.back(ago), lifetime),
            // The boot clock is younger than the token: what is left counts from now.
            None => Self { age: ago, ..Self::new(now, lifetime.map(|lifetime| lifetime.saturating_sub(ago))) },
        }
    }

    /// When it was issued, by the boot clock; `None` if that is younger.
    pub(super) fn issued(&self) -> Option<Duration> {
        self.anchor.boot.checked_sub(self.age)
    }

    /// The same, with the server's wish when to be asked again after it was received.
    #[must_use]
    pub fn refresh_in(mut self, after: Option<Duration>) -> Self {
        self.refresh_in = after.map(|after| after.saturating_sub(self.age));
        self
    }
}

/// What became of a new state's way into the store.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // It is stored or it is not, here or there.
#[allow(clippy::large_enum_variant)] // Taken apart at once.
pub enum Saved {
    /// It is stored; this is the entry.
    Stored(Arc<Entry>),
    /// It is not, or that is not known. The operation is kept.
    Unsaved {
        /// The write, with what is known of its tries.
        op: Op,
        /// Why.
        error: Error,
    },
    /// The common session of several audiences stores it.
    Elsewhere {
        /// The common session's login that it belongs to.
        login: LoginId,
    },
}

/// How a refresh ended.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // The machine must have an answer to each.
#[allow(clippy::large_enum_variant)] // As `Saved`.
pub enum Outcome<T> {
    /// The authorization server sent a token set.
    Obtained {
        /// The token.
        token: T,
        /// How long it lives.
        times: Times,
        /// Whether there is something to renew it with.
        renewable: bool,
        /// What became of storing it.
        saved: Saved,
    },
    /// The store held another state: newer tokens, an end, a logout, nothing at all.
    Found {
        /// The entry, if there is one.
        entry: Option<Arc<Entry>>,
        /// Its access token and how long that lives.
        token: Option<(T, Times)>,
    },
    /// The authorization server ended the session, and the store has confirmed it.
    Ended {
        /// The entry.
        entry: Arc<Entry>,
        /// What the server said.
        error: Error,
    },
    /// The common session of several audiences is over. After an end the access token may live on.
    Over {
        /// Why.
        error: Error,
    },
    /// The refresh token was not presented, because another attempt with it never reported and the
    /// access token is usable.
    KeptBack {
        /// Why.
        error: Error,
    },
    /// No token; the session goes on.
    Failed {
        /// The class of the failure.
        class: FailureClass,
        /// The failure.
        error: Error,
        /// Since when the stored refresh token may have been presented without a report, by the
        /// boot clock, if so.
        in_doubt: Option<Duration>,
        /// A refresh token that was rotated by an answer which could not be used otherwise.
        rotated: Option<Saved>,
    },
}

/// What a finished refresh means to those who waited for it.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // The engine must have an answer to each.
pub enum Finish {
    /// There is a new current token, or the old one was brought again.
    Adopted,
    /// There is none; this is why.
    Failed(Error),
    /// A look has found nothing new: ask again.
    Nothing,
    /// It belongs to another login: nothing of it counts.
    Stale {
        /// Whether there was a logout: then what it brought is to be revoked.
        logged_out: bool,
    },
}

impl<T> Outcome<T> {
    /// The errors in it, which may hold the user's code.
    pub(super) fn errors(self) -> [Option<Error>; 2] {
        let of = |saved| match saved {
            Saved::Unsaved { error, .. } => Some(error),
            Saved::Stored(_) | Saved::Elsewhere { .. } => None,
        };
        match self {
            Self::Obtained { saved, .. } => [of(saved), None],
            Self::Failed { error, rotated, .. } => [Some(error), rotated.and_then(of)],
            Self::Ended { error, .. } | Self::Over { error } | Self::KeptBack { error } => [Some(error), None],
            Self::Found { .. } => [None, None],
        }
    }
}
