//! Which token a request carries.

use tokenflight_core::{Error, Generation, LoginId};
use tokenflight_machine::{OriginId, Refused};

use crate::{
    session::{Ask, Supply},
    slot::Inner,
    sync::Arc,
};

/// Which token a request carries, and where to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) login: LoginId,
    pub(super) generation: Generation,
    pub(super) origin: OriginId,
}

impl Sent {
    /// That it was refused, after it had been sent again this often.
    pub(super) const fn refused(self, replays: u8) -> Refused {
        Refused::new(self.login, self.generation, Some(self.origin)).after_replays(replays)
    }

    /// Makes a refusal known without waiting for a newer token, so that the next request has one. Why there is none, if
    /// that is certain at once.
    pub(super) fn note(refused: Refused, session: &Arc<Inner>) -> Option<Error> {
        match session.supply(&mut Ask::refused(refused), session.parts.now()) {
            Supply::Refused(error, _) => Some(error),
            _ => None,
        }
    }
}
