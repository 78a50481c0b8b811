//! What can be wrong with Postgres, what is known then, and what cures it.

use std::{error::Error as StdError, fmt, iter::successors, sync::Arc, time::Duration};

use tokenflight_core::{
    BoxError,
    store::{StoreError, StoreErrorKind},
};

use crate::{
    durability::Durability,
    sql::{Failure, Kind},
    states,
};

/// Why the store cannot do what it was asked, in words that name the cure.
///
/// It is the source of the [`StoreError`], and so of the error that a session hands to its callers:
/// [`PostgresError::find`] finds it there. It never shows anything of a record. What it means for a
/// write is its [kind](Self::kind):
///
#[doc = include_str!("states.md")]
///
/// ```
/// use tokenflight_store_postgres::PostgresError;
///
/// fn advice(error: &(dyn std::error::Error + 'static)) -> Option<String> {
///     PostgresError::find(error).map(ToString::to_string)
/// }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PostgresError {
    /// There was no connection, and nothing was sent.
    Unreachable {
        /// Why.
        source: Arc<BoxError>,
    },
    /// The connection ended, or could not be understood, before the answer was there.
    Lost {
        /// How.
        source: Arc<BoxError>,
    },
    /// There was no answer within the time that was given to it.
    Late {
        /// That time.
        limit: Duration,
    },
    /// The server answered with an error.
    Server {
        /// Its SQLSTATE.
        state: Arc<str>,
        /// Its primary message.
        message: Arc<str>,
    },
    /// The server has committed without the standby that it should have waited for.
    Unreplicated,
    /// The server is a standby: what it shows may be old.
    Standby,
    /// The answer does not fit the question.
    Unreadable,
    /// The key of the grant cannot be stored in a `text`.
    Key,
    /// The store is used outside a tokio runtime.
    NoRuntime,
    /// The address of the server cannot be understood, or says less than is needed.
    Address {
        /// What is wrong.
        why: Arc<str>,
    },
    /// The name of the table is not one.
    Table {
        /// The name.
        name: Arc<str>,
    },
    /// The database is not as the store needs it.
    Missing {
        /// What is missing, one a sentence.
        what: Arc<[String]>,
    },
    /// The server acknowledges what it may lose, and
    /// [`require_durable`](crate::Builder::require_durable) was asked for.
    NotDurable {
        /// What was found.
        found: Durability,
    },
}

impl PostgresError {
    /// Finds it among the sources of another error.
    #[must_use]
    pub fn find<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Self> {
        successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
    }

    /// What is known of a write that failed so.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Unreachable { .. } | Self::Standby | Self::NoRuntime => StoreErrorKind::NotDone,
            Self::Lost { .. } | Self::Late { .. } | Self::Unreplicated | Self::Unreadable => StoreErrorKind::Unknown,
            Self::Server { state, .. } => states::kind(state),
            Self::Key | Self::Address { .. } | Self::Table { .. } | Self::Missing { .. } | Self::NotDurable { .. } => {
                StoreErrorKind::Refused
            }
        }
    }

    /// Whether to send the statement again at once: others were in its way, and it had no effect.
    pub(crate) fn is_conflict(&self) -> bool {
        matches!(self, Self::Server { state, .. } if states::is_conflict(state))
    }

    pub(crate) fn lost(source: impl Into<BoxError>) -> Self {
        Self::Lost { source: Arc::new(source.into()) }
    }

    #[cfg(feature = "connections")]
    pub(crate) fn address(why: impl fmt::Display) -> Self {
        Self::Address { why: why.to_string().into() }
    }
}

impl From<Failure> for PostgresError {
    fn from(Failure(kind): Failure) -> Self {
        match kind {
            Kind::Unsent(source) | Kind::Lost(source) if source.is::<Self>() => match source.downcast::<Self>() {
                Ok(own) => *own,
                Err(source) => Self::lost(source),
            },
            Kind::Unsent(source) => Self::Unreachable { source: Arc::new(source) },
            Kind::Lost(source) => Self::lost(source),
            Kind::Server { state, message } => Self::Server { state: state.into(), message: message.into() },
        }
    }
}

impl From<PostgresError> for StoreError {
    fn from(error: PostgresError) -> Self {
        match error.kind() {
            StoreErrorKind::NotDone => Self::not_done(error),
            StoreErrorKind::Unknown => Self::unknown(error),
            StoreErrorKind::Refused => Self::refused(error),
        }
    }
}

impl fmt::Display for PostgresError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { .. } => f.write_str("there is no connection to the Postgres server"),
            Self::Lost { .. } => f.write_str("the connection to the Postgres server ended before its answer"),
            Self::Late { limit } => {
                write!(f, "the Postgres server has not answered within {} s", limit.as_secs_f32())
            }
            Self::Server { state, message } => write!(f, "Postgres: {message} ({state}){}", states::cure(state)),
            Self::Unreplicated => f.write_str(
                "the Postgres server has committed without waiting for its standby: see that nothing cancels statements \
                 that wait for replication",
            ),
            Self::Standby => f.write_str(
                "the Postgres server is a standby, and what it shows may be old: connect to the primary \
                 (`target_session_attrs=read-write`)",
            ),
            Self::Unreadable => f.write_str(
                "the answer of the Postgres server does not fit the question: see that the table is the one of \
                 `tokenflight postgres schema`",
            ),
            Self::Key => f.write_str("the key of the grant has a NUL character, which Postgres cannot store: use another"),
            Self::NoRuntime => f.write_str("the store in Postgres needs a tokio runtime around it"),
            Self::Address { why } => write!(f, "the address of the Postgres server: {why}"),
            Self::Table { name } => {
                write!(f, "{name:?} is no name of a table: letters, digits and `_`, with its schema before a dot")
            }
            Self::Missing { what } => write!(f, "the database is not as the store needs it: {}", what.join("; ")),
            Self::NotDurable { found } => write!(f, "the Postgres server acknowledges what it may lose: {found}"),
        }
    }
}

impl StdError for PostgresError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Unreachable { source } | Self::Lost { source } => Some(&***source),
            _ => None,
        }
    }
}
