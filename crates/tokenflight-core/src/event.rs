//! What a session tells its listeners.

use std::time::Duration;

use crate::{EndReason, Error, FailureClass, Generation, LoginId};

/// Something that happened to a session. Carries no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A new token set was adopted.
    Refreshed {
        /// Its generation.
        generation: Generation,
        /// Whether it came from the authorization server or from another process through the store.
        source: Source,
    },
    /// An attempt failed. The session goes on.
    RefreshFailed {
        /// What kind of failure.
        class: FailureClass,
        /// The failure.
        error: Error,
    },
    /// The authorization server ended the session; told once. Only a login lifts it. The access
    /// token may be usable for a while.
    Ended {
        /// Why.
        reason: EndReason,
    },
    /// The authorization server wants the user to interact; told once a login. The session goes on
    /// as long as its tokens do.
    InteractionRequired {
        /// What the server said.
        error: Error,
    },
    /// There was a login: here, or in another process that shares the store.
    LoggedIn {
        /// Its id.
        login: LoginId,
        /// The generation of its first token set.
        generation: Generation,
    },
    /// There was a logout: here, or in another process that shares the store.
    LoggedOut {
        /// Its id.
        login: LoginId,
    },
    /// The state changed but the store would not take it. It is in use and will be offered again.
    /// [`Event::Persisted`] or [`Event::Overtaken`] follows.
    Unpersisted {
        /// The generation that is not stored.
        generation: Generation,
        /// What the store said.
        error: Error,
    },
    /// What was [`Event::Unpersisted`] is stored now.
    Persisted {
        /// The generation that is stored.
        generation: Generation,
    },
    /// What was [`Event::Unpersisted`] will not be stored: another process's login, logout or
    /// refresh came first, and counts.
    Overtaken {
        /// The generation that was not stored.
        generation: Generation,
    },
    /// A refresh takes too much of the lifetime; renewal waits for need. Told once a login.
    ProactiveOff,
    /// A refresh has waited for more than a second for the claim of another holder.
    Waiting {
        /// Who holds it, as it calls itself.
        holder: String,
        /// For how much longer that may be, if it is known.
        at_most: Option<Duration>,
    },
    /// The authorization server did not take back the refresh token of a logout. It may be alive.
    RevocationFailed {
        /// What went wrong.
        error: Error,
    },
    /// Something was in progress or not stored, and is given up; it may be lost. The last handle of
    /// the session went, and no driver was there to take it over, or none carried it to its end; or
    /// the store failed too often after that handle went; or a program that ran its work with
    /// `Session::run_until` had no more time to store it.
    Abandoned,
}

/// Where an adopted token set came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// The authorization server answered our token request.
    Server,
    /// The store held a newer one than we did.
    Store,
}
