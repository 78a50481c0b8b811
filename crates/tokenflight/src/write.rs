//! Storing what is not stored yet: a login, a logout, or a rotation. A write is a flight of its
//! own: started once, joined by callers, driver and shutdown alike, never made twice at once, and
//! ended by a limit that frees the session even if the store never answers.

use std::time::Duration;

use tokenflight_core::{Error, ErrorKind, Now, RefreshToken};
use tokenflight_machine::{Pending, Settled, WorkId};

use crate::{
    catch::caught,
    flight::{Fate, Join},
    flights::{AnyFlight, Written},
    parts::{Applied, Parts, unknown},
    revoke::revoke,
    slot::Inner,
    sync::{Arc, Weak},
    unstored::{Unstored, read, stay, written_back},
};

/// How long a logout waits for a refresh in progress.
pub(crate) const LOGOUT_WAIT: Duration = Duration::from_secs(5);

/// How often it looks whether that has ended.
const LOGOUT_PAUSE: Duration = Duration::from_millis(50);

/// Stores what the session has to store under this name, which is still there if that is gone.
pub(crate) async fn run(parts: Arc<Parts>, session: Weak<Inner>, id: WorkId, left: Unstored, fate: Fate) -> Written {
    match caught(write(Arc::clone(&parts), Weak::clone(&session), id, left, fate)).await {
        Ok(written) => written,
        // The clock, which may panic again: the session is freed with a moment that it knows.
        Err(panicked) => {
            let failure = unknown(panicked);
            let error = failure.error.clone();
            if let Some(session) = session.upgrade() {
                // A moment that needs no clock: the write is tried again soon.
                session.change_at(Now::new(Duration::ZERO, Duration::ZERO), |slot, now| {
                    let _ = slot.machine.written(id, Err(failure), now, u64::MAX);
                    slot.end_write();
                });
            }
            Err(error)
        }
    }
}

async fn write(parts: Arc<Parts>, session: Weak<Inner>, mut id: WorkId, mut left: Unstored, fate: Fate) -> Written {
    let mut again = 0;
    loop {
        // It would be stored over what has replaced it.
        if is_replaced(&session, id, &fate) {
            return Err(Error::new(ErrorKind::SessionChanged));
        }
        left = session.upgrade().and_then(|session| session.left(id)).unwrap_or(left);
        // Looked up while a grant that logs out is still seen to be inside its own refresh.
        let refreshes = session.upgrade().filter(|_| left.pending.is_logout()).map(|session| session.other_refreshes());
        if left.pending.is_unsettled() {
            let read = read(&parts, &left.pending).await;
            left.pending.settle(read.as_ref());
            if let Some(session) = session.upgrade() {
                session.change(|slot, _| slot.machine.settle(id, read.as_ref()));
            }
            if is_replaced(&session, id, &fate) {
                return Err(Error::new(ErrorKind::SessionChanged));
            }
        }
        let applied = try_once(&parts, &session, &left.pending).await;
        let Some(applied) = written_back(&parts, &left.pending, applied, &mut again).await else { continue };
        let ended = left.pending.ended(&applied);
        let alive = match session.upgrade() {
            Some(alive) => alive,
            None if !fate.is_abandoned() => return left.store_from(parts, applied).await,
            None => return replaced(&parts, &session, ended).await,
        };
        let random = parts.random();
        let settled = alive.change(|slot, now| {
            let settled = slot.machine.written(id, applied, now, random);
            match &settled {
                Settled::Again(_) | Settled::Stale => {}
                Settled::Stored(useless) | Settled::Overtaken(useless) | Settled::Failed(_, useless) => {
                    match useless.is_empty() {
                        true => slot.end_write(),
                        // It is not over before they are revoked: a shutdown waits for it, and a
                        // driver takes it to its end.
                        false => slot.leave_write(),
                    }
                }
            }
            settled
        });
        drop(alive);
        let (useless, failed) = match settled {
            Settled::Stored(useless) => (useless, None),
            Settled::Overtaken(useless) => (useless, Some(Error::new(ErrorKind::SessionChanged))),
            Settled::Failed(error, useless) => (useless, Some(error)),
            Settled::Stale => return replaced(&parts, &session, ended).await,
            Settled::Again(again) => {
                id = again;
                continue;
            }
        };
        if !useless.is_empty() {
            await_refreshes(&parts, &refreshes.unwrap_or_default()).await;
        }
        let revocation = revoke(&parts, &session, useless).await;
        return failed.map_or(Ok(revocation), Err);
    }
}

/// Whether a login or logout has taken its place.
fn is_replaced(session: &Weak<Inner>, id: WorkId, fate: &Fate) -> bool {
    session.upgrade().map_or_else(|| fate.is_abandoned(), |session| session.left(id).is_none())
}

/// Stored or not, another has taken its place: what it has ended itself is revoked all the same.
async fn replaced(parts: &Arc<Parts>, session: &Weak<Inner>, ended: Vec<RefreshToken>) -> Written {
    revoke(parts, session, ended).await;
    Err(Error::new(ErrorKind::SessionChanged))
}

/// A refresh may have presented what to revoke: it is revoked after that. Others keep it moving.
async fn await_refreshes(parts: &Arc<Parts>, refreshes: &[AnyFlight]) {
    let until = parts.now().boot.saturating_add(LOGOUT_WAIT);
    while refreshes.iter().any(|refresh| !refresh.is_finished()) && parts.now().boot < until {
        // Without a timer it is not waited for.
        if parts.pause(LOGOUT_PAUSE).await.is_err() {
            return;
        }
    }
}

/// Joins the try in progress, or begins one: one that is slow is not repeated beside itself.
async fn try_once(parts: &Arc<Parts>, session: &Weak<Inner>, pending: &Pending) -> Applied {
    let op = pending.op(parts.now());
    let trying = session.upgrade().and_then(|session| session.trying(op.id));
    stay(trying.unwrap_or_else(|| parts.apply(op))).await
}

impl Inner {
    /// What is to be stored under this name; `None` if it has been replaced.
    fn left(&self, id: WorkId) -> Option<Unstored> {
        self.peek(|slot| {
            let pending = slot.machine.pending(id)?.clone();
            Some(Unstored { pending, generation: slot.machine.generation() })
        })
    }

    /// Waits for a write. That another state is stored instead is no failure: the next look tells.
    pub(crate) async fn written(&self, join: Join<Written>) -> Result<(), Error> {
        match self.parts.within(self.write_limit(), Box::pin(join)).await {
            Some(Some(Ok(_))) => Ok(()),
            Some(Some(Err(error))) if *error.kind() == ErrorKind::SessionChanged => Ok(()),
            Some(Some(Err(error))) => Err(error),
            Some(None) => Err(Error::new(ErrorKind::SessionChanged)),
            None => Err(Error::with_source(ErrorKind::Store, "the store did not answer in time")),
        }
    }

    /// How long a caller waits for a write: the store may be read before it is written.
    pub(crate) fn write_limit(&self) -> Duration {
        self.parts.policy().store_limit.saturating_mul(2)
    }
}
