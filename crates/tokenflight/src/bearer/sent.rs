//! Which token a request carries.

use tokenflight_core::{Generation, LoginId};
use tokenflight_machine::{OriginId, Refused};

use crate::session::Token;

/// Which token a request carries, and where to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) login: LoginId,
    pub(super) generation: Generation,
    pub(super) origin: OriginId,
}

impl Sent {
    pub(super) fn with(token: &Token, origin: OriginId) -> Self {
        Self { login: token.login(), generation: token.generation(), origin }
    }

    /// That it was refused, after it had been sent again this often.
    pub(super) const fn refused(self, replays: u8) -> Refused {
        Refused::new(self.login, self.generation, Some(self.origin)).after_replays(replays)
    }
}
