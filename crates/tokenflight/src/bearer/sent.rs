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
    /// The question to ask after a refusal.
    pub(super) const fn refused(self, replays: u8) -> Ask {
        Ask::refused(Refused::new(self.login, self.generation, Some(self.origin)).after_replays(replays))
    }

    /// Makes the refusal known without waiting for a newer token, so that the next request has one. Why there is none, if
    /// that is certain at once.
    pub(super) fn note(self, session: &Arc<Inner>, replays: u8) -> Option<Error> {
        match session.supply(&mut self.refused(replays), session.parts.now()) {
            Supply::Refused(error, _) => Some(error),
            _ => None,
        }
    }
}
