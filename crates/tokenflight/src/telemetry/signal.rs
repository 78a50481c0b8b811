//! What can be told.

use std::time::Duration;

use tokenflight_core::{Error, ErrorKind, Event, FailureClass, Generation};

use super::sets::{Adopted, ErrorType, Meaning, Operation, Replay, Replayed, StoreOutcome, Trigger, Waited};

/// One thing that happened. All of it is `Copy`, and none of it is text.
#[derive(Clone, Copy, Debug)]
// Without a listener nothing of it is read.
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(crate) enum Signal {
    /// A request has waited for a token.
    Waited {
        waited: Duration,
        outcome: Waited,
        error: Option<ErrorType>,
    },
    /// A request was refused.
    Refused {
        trigger: Trigger,
        meaning: Meaning,
        generation: Generation,
        replay: Replay,
    },
    /// A refused request was sent again.
    Replayed {
        count: u8,
        trigger: Trigger,
        outcome: Replayed,
    },
    /// A store operation has ended.
    Stored {
        operation: Operation,
        took: Duration,
        outcome: StoreOutcome,
    },
    /// A refresh token perhaps presented before was presented, and the server ended the grant.
    SuspectedReuse {
        generation: Generation,
    },
    /// The rest is what the session's events are about.
    Refreshed {
        generation: Generation,
        adopted: Adopted,
    },
    RefreshFailed {
        class: FailureClass,
        error: ErrorType,
        retry_after: Option<Duration>,
    },
    InteractionRequired {
        error: ErrorType,
    },
    Ended {
        error: ErrorType,
    },
    LoggedIn {
        generation: Generation,
    },
    LoggedOut,
    Unpersisted {
        generation: Generation,
    },
    Persisted {
        generation: Generation,
    },
    Overtaken {
        generation: Generation,
    },
    ProactiveOff,
    Waiting {
        at_most: Option<Duration>,
    },
    RevocationFailed {
        error: ErrorType,
    },
    Abandoned,
    /// An event that has no signal yet.
    Other,
}

// Nothing with memory of its own, nor a reference into any, can be put into it.
const _: fn() = || {
    fn is_plain<T: Copy + 'static>() {}
    is_plain::<Signal>();
};

impl Signal {
    /// A request has waited so long, and this went wrong.
    pub(crate) fn waited(waited: Duration, error: Option<&Error>) -> Self {
        let outcome = match error.map(Error::kind) {
            None => Waited::Token,
            Some(ErrorKind::TimedOut) => Waited::TimedOut,
            Some(_) => Waited::Error,
        };
        Self::Waited { waited, outcome, error: error.map(ErrorType::from) }
    }
}

impl Signal {
    /// A request was refused.
    pub(crate) fn refused(
        trigger: Trigger,
        meaning: crate::bearer::challenge::Meaning,
        generation: Generation,
        replay: Replay,
    ) -> Self {
        Self::Refused { trigger, meaning: meaning.into(), generation, replay }
    }
}

impl From<&Event> for Signal {
    fn from(event: &Event) -> Self {
        match event {
            Event::Refreshed { generation, source } => {
                Self::Refreshed { generation: *generation, adopted: (*source).into() }
            }
            Event::RefreshFailed { class, error } => {
                Self::RefreshFailed { class: *class, error: error.into(), retry_after: error.retry_after() }
            }
            Event::InteractionRequired { error } => Self::InteractionRequired { error: error.into() },
            Event::Ended { reason } => Self::Ended { error: ErrorType::of_code(reason.code()) },
            Event::LoggedIn { generation, .. } => Self::LoggedIn { generation: *generation },
            Event::LoggedOut { .. } => Self::LoggedOut,
            Event::Unpersisted { generation, .. } => Self::Unpersisted { generation: *generation },
            Event::Persisted { generation } => Self::Persisted { generation: *generation },
            Event::Overtaken { generation } => Self::Overtaken { generation: *generation },
            Event::ProactiveOff => Self::ProactiveOff,
            Event::Waiting { at_most, .. } => Self::Waiting { at_most: *at_most },
            Event::RevocationFailed { error } => Self::RevocationFailed { error: error.into() },
            Event::Abandoned => Self::Abandoned,
            _ => Self::Other,
        }
    }
}
