//! Storing what is not stored yet: a login, a logout, or a rotation. A write is a flight of its own: started once, joined by
//! callers, driver and shutdown alike, never made twice at once, and ended by a limit that frees the session even if the
//! store never answers.

use std::time::Duration;

use tokenflight_core::{
    Error, ErrorKind, Now, RefreshToken,
    store::{Entry, Incarnation, OpId},
};
use tokenflight_machine::{Answered, Pending, Settled, WorkId};

use crate::{
    catch::caught,
    flight::{Flight, Join},
    parts::{Applied, Parts, unknown},
    session::Revocation,
    slot::{AnyFlight, Inner},
    sync::{Arc, Weak},
};

/// How a write ended: what became of the refresh token that a logout replaced.
pub(crate) type Written = Result<Revocation, Error>;

/// How long a logout waits for a refresh in progress.
pub(crate) const LOGOUT_WAIT: Duration = Duration::from_secs(5);

/// How often it looks whether that has ended.
const LOGOUT_PAUSE: Duration = Duration::from_millis(50);

/// How long to wait between two tries to store what a session that is gone left behind: at first, and at last.
const PERSIST_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How often that is tried: half a minute, if the store fails at once.
const PERSIST_TRIES: usize = 10;

/// Stores what the session has to store under this name.
pub(crate) async fn run(parts: Arc<Parts>, session: Weak<Inner>, id: WorkId) -> Written {
    match caught(write(Arc::clone(&parts), Weak::clone(&session), id)).await {
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

async fn write(parts: Arc<Parts>, session: Weak<Inner>, mut id: WorkId) -> Written {
    loop {
        let Some(mut pending) = pending(&session, id) else { return Err(Error::new(ErrorKind::SessionChanged)) };
        // Looked up while a grant that logs out is still seen to be inside its own refresh.
        let refreshes = session.upgrade().filter(|_| pending.is_logout()).map(|session| session.other_refreshes());
        if pending.is_unsettled() {
            let read = read_base(&parts).await;
            pending.settle(read);
            // Replaced while the store was read: it would be stored over what has replaced it. And what a session that is
            // gone had to store has been handed over.
            let current = session.upgrade().is_some_and(|session| {
                session.change(|slot, _| {
                    slot.machine.settle(id, read);
                    slot.machine.pending(id).is_some()
                })
            });
            if !current {
                return Err(Error::new(ErrorKind::SessionChanged));
            }
        }
        let applied = try_once(&parts, &session, &pending).await;
        let Some(session) = session.upgrade() else {
            return persist_from(parts, pending, applied).await;
        };
        let random = parts.random();
        let settled = session.change(|slot, now| {
            let settled = slot.machine.written(id, applied, now, random);
            match &settled {
                Settled::Again(_) | Settled::Stale => {}
                // It is not over before the token is revoked: a shutdown waits for it, and a driver takes it to its end.
                Settled::Stored(Some(_)) | Settled::Overtaken(Some(_)) => slot.leave_write(),
                Settled::Stored(None) | Settled::Overtaken(None) | Settled::Failed(_) => slot.end_write(),
            }
            settled
        });
        match settled {
            Settled::Stored(None) => return Ok(Revocation::Nothing),
            Settled::Stored(Some(token)) => {
                await_refreshes(&parts, &refreshes.unwrap_or_default()).await;
                return Ok(session.revoke(&token).await.into());
            }
            Settled::Overtaken(revoke) => {
                if let Some(token) = revoke {
                    let _ = session.revoke(&token).await;
                }
                return Err(Error::new(ErrorKind::SessionChanged));
            }
            Settled::Failed(error) => return Err(error),
            Settled::Stale => return Err(Error::new(ErrorKind::SessionChanged)),
            Settled::Again(again) => id = again,
        }
    }
}

/// A refresh may have presented what is to be revoked: it is revoked when that is over. Others keep it moving.
async fn await_refreshes(parts: &Arc<Parts>, refreshes: &[AnyFlight]) {
    let until = parts.now().boot.saturating_add(LOGOUT_WAIT);
    while refreshes.iter().any(|refresh| !refresh.is_finished()) && parts.now().boot < until {
        // Without a timer it is not waited for.
        if parts.pause(LOGOUT_PAUSE).await.is_err() {
            return;
        }
    }
}

fn pending(session: &Weak<Inner>, id: WorkId) -> Option<Pending> {
    session.upgrade()?.look(|slot, _| slot.machine.pending(id).cloned())
}

/// The login that is stored now, if the store can be read.
async fn read_base(parts: &Parts) -> Option<(OpId, Option<Incarnation>)> {
    let seen = parts.load().await.ok()?;
    Some((seen.entry.map_or(OpId::NONE, |entry: Entry| entry.login), seen.facts.incarnation))
}

/// Joins the try that is in progress, or begins one: one that is slow is not repeated beside itself.
async fn try_once(parts: &Arc<Parts>, session: &Weak<Inner>, pending: &Pending) -> Applied {
    let op = pending.op(parts.now());
    let trying = session.upgrade().and_then(|session| session.trying(op.id));
    stay(trying.unwrap_or_else(|| parts.apply(op))).await
}

async fn apply(parts: &Arc<Parts>, pending: &Pending) -> Applied {
    stay(parts.apply(pending.op(parts.now()))).await
}

async fn stay(flight: Flight<Applied>) -> Applied {
    match flight.stay() {
        Ok(join) => join.await.unwrap_or_else(|| Err(unknown("the operation was abandoned"))),
        Err(_) => Err(unknown("the store waits for itself")),
    }
}

/// Stores what a session that is gone left behind: tries until it is done or has failed too often.
pub(crate) async fn persist(parts: Arc<Parts>, mut pending: Pending) -> Written {
    if pending.is_unsettled() {
        let read = read_base(&parts).await;
        pending.settle(read);
    }
    let applied = apply(&parts, &pending).await;
    persist_from(parts, pending, applied).await
}

async fn persist_from(parts: Arc<Parts>, mut pending: Pending, mut applied: Applied) -> Written {
    let mut pause = PERSIST_PAUSE.0;
    let mut last = Error::new(ErrorKind::Closed);
    for _ in 0..PERSIST_TRIES {
        match pending.answer(applied, parts.now()) {
            Answered::Stored { revoke: None, .. } => return Ok(Revocation::Nothing),
            Answered::Stored { revoke: Some(token), .. } => return Ok(revoke(&parts, &token).await),
            Answered::Overtaken(_) => return Err(Error::new(ErrorKind::SessionChanged)),
            Answered::Again => {}
            Answered::Failed(error) => {
                last = error;
                if parts.pause(pause).await.is_err() {
                    break;
                }
                pause = (pause * 2).min(PERSIST_PAUSE.1);
            }
        }
        applied = apply(&parts, &pending).await;
    }
    Err(last)
}

async fn revoke(parts: &Arc<Parts>, token: &RefreshToken) -> Revocation {
    parts.revoke(token).await.into()
}

impl Inner {
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
