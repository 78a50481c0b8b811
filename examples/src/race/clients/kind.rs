//! Who takes part, and how each is started.

use tokenflight::{BoxError, TokenSet};

use super::{Entry, lock_401::Lock401, lock_inside::LockInside, naive::Naive, protected::Protected};
use crate::race::{Clock, wire::Wire};

/// Who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Naive,
    Lock401,
    LockInside,
    /// [`Protected`].
    Tokenflight,
}

impl Kind {
    /// All, in the order in which they are shown.
    pub(crate) const ALL: [Self; 4] = [Self::Naive, Self::Lock401, Self::LockInside, Self::Tokenflight];

    /// The name, for tables, JSON and the server's books.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Naive => "naive",
            Self::Lock401 => "401 lock only",
            Self::LockInside => "lock in the request",
            Self::Tokenflight => "tokenflight",
        }
    }

    /// What it does, in one sentence.
    pub(crate) const fn sentence(self) -> &'static str {
        match self {
            Self::Naive => "A timer and the 401 handler refresh on their own: both present the same refresh token.",
            Self::Lock401 => "401 handlers share a lock, the timer does not take it: those two still collide.",
            Self::LockInside => "One lock for all, but a cancelled request drops the answer that held the new token.",
            Self::Tokenflight => {
                "One refresh at a time, shared by timer and requests, outliving the requests that wait for it."
            }
        }
    }

    /// Starts the client with the tokens of its login.
    pub(crate) async fn enter(self, login: TokenSet, wire: Wire, clock: Clock) -> Result<Entry, BoxError> {
        Ok(match self {
            Self::Naive => Naive::enter(&login, wire, clock),
            Self::Lock401 => Lock401::enter(&login, wire, clock),
            Self::LockInside => LockInside::enter(&login, wire, clock),
            Self::Tokenflight => Protected::enter(login, wire).await?,
        })
    }
}
