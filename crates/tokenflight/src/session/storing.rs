//! Waiting until what a session owes its store is stored.

use tokenflight_core::{Error, ErrorKind};
use tokenflight_machine::Pending;

use super::{Revocation, acquire::ROUNDS};
use crate::{
    flight::Join,
    flights::{AnyFlight, Carries, Written, carried},
    revoke,
    slot::{Inner, Slot},
    sync::Arc,
    write,
};

/// A write that a caller waits for.
pub(crate) struct Storing {
    join: Result<Join<Written>, Error>,
    /// Whether it is that of a logout, which a revocation follows.
    logout: bool,
    /// What was left behind, which a driver that moves it may leave.
    beside: Option<Box<Carries>>,
}

impl Inner {
    /// Waits until everything is stored; what became of the refresh token that a logout replaced.
    pub(crate) async fn flush(self: &Arc<Self>) -> Result<Revocation, Error> {
        let storing = self.change(|slot, _| slot.storing(self));
        self.flush_from(storing).await
    }

    /// As [`flush`](Self::flush), from this write on: its outcome is told even if it is over.
    pub(crate) async fn flush_from(self: &Arc<Self>, storing: Option<Storing>) -> Result<Revocation, Error> {
        let (mut revocation, mut storing) = (Revocation::Nothing, storing);
        for _ in 0..ROUNDS {
            let Some(Storing { join, logout, beside }) = storing else { return Ok(revocation) };
            // A logout is followed by its revocation.
            let limit = self.write_limit();
            let limit =
                if logout { limit.saturating_add(write::LOGOUT_WAIT).saturating_add(revoke::LIMIT) } else { limit };
            match self.parts.within(limit, Box::pin(carried(join?, beside))).await {
                Some(Some(Ok(done))) => revocation = done,
                Some(Some(Err(error))) => return Err(error),
                // Another logout has taken its place, and is waited for instead.
                Some(None) if logout && self.peek(|slot| slot.machine.is_logged_out()) => {}
                // Another login or logout has taken its place.
                Some(None) => return Err(Error::new(ErrorKind::SessionChanged)),
                None => return Err(Error::with_source(ErrorKind::Store, "the store did not answer in time")),
            }
            storing = self.change(|slot, _| slot.storing(self));
        }
        Err(Error::with_source(ErrorKind::Store, "the session changed faster than it could be stored"))
    }

    /// Waits for what an earlier logout has still to revoke; what became of it.
    pub(super) async fn revoking(&self) -> Revocation {
        let mut revocation = Revocation::Nothing;
        for flight in self.flights() {
            let AnyFlight::Write(write) = flight else { continue };
            let Ok(stay) = write.stay() else { continue };
            if let Some(Ok(done)) = self.parts.within(revoke::LIMIT, stay).await {
                revocation = done;
            }
        }
        revocation
    }
}

impl Slot {
    /// Joins the write of what is not stored, or starts it; nothing if everything is.
    pub(super) fn storing(&mut self, session: &Arc<Inner>) -> Option<Storing> {
        let id = self.machine.flush()?;
        let logout = self.machine.pending(id).is_some_and(Pending::is_logout);
        Some(Storing { join: self.join_write(id, session), logout, beside: self.carry_owed() })
    }
}
