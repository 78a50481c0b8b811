//! What goes into the machine and what comes out of it.

use std::time::Duration;

use tokenflight_core::{Epoch, Error, Event, FailureClass, Generation, Now, grant::Reason};

/// The name of a flight; never used twice in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlightId(pub(super) u64);

/// The name of an origin, for the storm guard: equal for equal origins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OriginId(u64);

impl OriginId {
    /// An origin known by this number, such as a hash of its text.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// What a flight sets out with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlightPlan {
    /// Its name.
    pub id: FlightId,
    /// Why it flies.
    pub reason: Reason,
    /// The epoch it belongs to; its result is discarded in any other.
    pub epoch: Epoch,
    /// The generation it is to replace.
    pub generation: Generation,
    /// When it was started.
    pub started: Now,
    /// Whether the token it is to replace was still usable.
    pub usable: bool,
    /// How much larger this session's generation is than the store's number for the same token set. The two come apart
    /// when a rotation could not be stored before somebody else logged in.
    pub(super) ahead: u64,
}

/// The answer to somebody who wants a token.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // Whoever asks must have an answer to each.
pub enum Decision {
    /// Use the current token.
    Use {
        /// What to do beside it.
        beside: Beside,
    },
    /// Wait for the flight in progress.
    Join {
        /// Which.
        id: FlightId,
        /// Whether it has flown for too long: it must be polled, so that it looks at the clock.
        overdue: bool,
    },
    /// Start this flight and wait for it.
    Start(FlightPlan),
    /// Ask again when the boot clock shows this.
    Wait {
        /// Time on the boot clock.
        until: Duration,
    },
    /// There is no token, and this is why.
    Refuse(Error),
}

/// What else to do for somebody who has a token already.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // As above.
pub enum Beside {
    /// Nothing.
    Nothing,
    /// A flight is in progress: keep it moving if nobody else does.
    Join(FlightId),
    /// The token is within its lead: start this flight, do not wait for it.
    Start(FlightPlan),
}

/// A refusal of a token by a resource server.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Refused {
    /// The epoch in which the token was taken.
    pub epoch: Epoch,
    /// The generation of the refused token.
    pub generation: Generation,
    /// Who refused it.
    pub origin: OriginId,
    /// How often the request was sent again already.
    pub replays: u8,
}

impl Refused {
    /// A refusal of the first send.
    #[must_use]
    pub const fn new(epoch: Epoch, generation: Generation, origin: OriginId) -> Self {
        Self { epoch, generation, origin, replays: 0 }
    }

    /// The refusal of a replay.
    #[must_use]
    pub const fn after_replays(mut self, replays: u8) -> Self {
        self.replays = replays;
        self
    }
}

/// What the passing of time asks for.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Tick {
    /// Start this flight.
    pub start: Option<FlightPlan>,
    /// Poll the flight in progress: it is overdue.
    pub overdue: bool,
    /// Ask again when the boot clock shows this.
    pub next: Option<Duration>,
}

/// What a store's record means for a flight.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // The flight must have an answer to each.
pub enum Reconcile {
    /// The store holds something newer that can be used: land with it.
    Adopt(Found),
    /// Present the record's refresh token (or ask without one) in this epoch, to replace this generation.
    Present {
        /// The record's epoch.
        epoch: Epoch,
        /// The record's generation.
        generation: Generation,
    },
    /// Land with this, without a token request.
    Stop(Landing),
}

/// A token set found in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found {
    /// The record's epoch.
    pub epoch: Epoch,
    /// The record's generation.
    pub generation: Generation,
    /// From when its lifetime counts, on this process's clocks.
    pub anchor: Now,
    /// Its lifetime.
    pub lifetime: Option<Duration>,
    /// Whether it came with a refresh token.
    pub has_refresh_token: bool,
}

/// A token set the authorization server sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Obtained {
    /// The epoch it was requested in: the record's, which another process may have raised.
    pub epoch: Epoch,
    /// The generation it was stored with.
    pub generation: Generation,
    /// When the request was sent: its lifetime counts from here.
    pub anchor: Now,
    /// Its lifetime.
    pub lifetime: Option<Duration>,
    /// When the server would like to be asked again, counted from `anchor`.
    pub refresh_in: Option<Duration>,
    /// Whether there is a refresh token for the next time.
    pub has_refresh_token: bool,
    /// Why it could not be stored.
    pub unsaved: Option<Error>,
}

impl Obtained {
    /// A token set that was stored.
    #[must_use]
    pub const fn new(epoch: Epoch, generation: Generation, anchor: Now, lifetime: Option<Duration>) -> Self {
        Self { epoch, generation, anchor, lifetime, refresh_in: None, has_refresh_token: true, unsaved: None }
    }
}

/// How a flight ended.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // The machine must have an answer to each.
pub enum Landing {
    /// The server sent a token set.
    Obtained(Obtained),
    /// The store held a newer one.
    Found(Found),
    /// No token; the session goes on.
    Failed {
        /// The class of the failure.
        class: FailureClass,
        /// The failure.
        error: Error,
        /// The generation under which a rotated refresh token was stored beside the old access token (T-22, T-32).
        rotated: Option<Generation>,
    },
    /// The session is over, here (ended) or because another process said so.
    Over {
        /// The record's epoch.
        epoch: Epoch,
        /// Why.
        error: Error,
    },
    /// What was not stored is stored; nothing else was asked for.
    Flushed,
    /// What was not stored still is not.
    NotFlushed(Error),
}

/// What to publish when a flight has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // The engine must have an answer to each.
pub enum Publish {
    /// The flight's token set is the current one.
    New,
    /// The current token set stays, with its generation raised to this.
    Keep,
    /// There is no token set any more.
    Gone,
    /// The flight belongs to another epoch, or was replaced: nothing of it counts.
    Stale,
}

/// What a landing means.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// What to publish.
    pub publish: Publish,
    /// What to tell, in order.
    pub events: Vec<Event>,
}

/// A login as the machine sees it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Login {
    /// The lifetime of the new token, counted from now.
    pub lifetime: Option<Duration>,
    /// When the server would like to be asked again.
    pub refresh_in: Option<Duration>,
    /// Whether there is a refresh token.
    pub has_refresh_token: bool,
}

impl Login {
    /// A login with a refresh token.
    #[must_use]
    pub const fn new(lifetime: Option<Duration>) -> Self {
        Self { lifetime, refresh_in: None, has_refresh_token: true }
    }
}

/// What may be handed out without asking the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer {
    /// The current epoch.
    pub epoch: Epoch,
    /// The current generation.
    pub generation: Generation,
    /// From when its lifetime counts.
    pub anchor: Now,
    /// How long after `anchor` one has to ask again, unless a driver watches; never if the lifetime is unknown.
    pub ask_after: Option<Duration>,
    /// Whether successes must be [reported](super::Machine::accepted): the storm guard is counting.
    pub watched: bool,
}
