//! The four clients. Each file begins with what there is to learn from it.
//!
//! The first three are written the way such clients are usually written: they keep the rotated
//! refresh token, send a request again once after a 401, renew ahead of time, and give up cleanly
//! when the server says `invalid_grant`. Nothing in them is made worse than what is found in the
//! wild; what kills them is only *who may refresh when*.

mod lock_401;
mod lock_inside;
mod naive;
mod protected;
mod tokens;

use std::sync::Arc;

use http::StatusCode;
use tokenflight::{BoxError, BoxFuture, TokenSet};

pub(in crate::race) use self::protected::renew;
use self::{lock_401::Lock401, lock_inside::LockInside, naive::Naive, protected::Protected, tokens::Tokens};
use super::{Clock, wire::Wire};

/// What a worker needs of a client.
pub(crate) trait Client: Send + Sync + 'static {
    /// Asks the API once, with whatever refreshing and repeating that takes.
    ///
    /// Fails when there is no answer. A 401 is an answer.
    ///
    /// # Cancel safety
    ///
    /// Workers drop it at any moment; what that does to the session is the question.
    fn get(&self) -> BoxFuture<'_, Result<StatusCode, BoxError>>;
}

/// A client, ready to run: the handle the workers share, and its timer.
pub(crate) struct Entry {
    /// What the workers call.
    pub(crate) client: Arc<dyn Client>,
    /// What renews ahead of time, to be spawned.
    pub(crate) timer: BoxFuture<'static, ()>,
}

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
