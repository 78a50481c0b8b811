//! Storing what is not stored yet: a login, a logout, or a rotation. A write is a flight of its own: started once, joined by
//! callers, driver and shutdown alike, never made twice at once, and ended by a limit that frees the session even if the
//! store never answers.

use std::time::Duration;

use tokenflight_core::{Error, ErrorKind, Now, RefreshToken, store::Seen};
use tokenflight_machine::{Answered, Failure, Pending, Settled, WorkId};

use crate::{
    catch::caught,
    flight::{Flight, Join},
    parts::{Applied, Parts, is_refused_by_ancestor, unknown},
    refresh::MOST_AGAIN,
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
    let mut again = 0;
    loop {
        let Some(mut pending) = pending(&session, id) else { return Err(Error::new(ErrorKind::SessionChanged)) };
        // Looked up while a grant that logs out is still seen to be inside its own refresh.
        let refreshes = session.upgrade().filter(|_| pending.is_logout()).map(|session| session.other_refreshes());
        if pending.is_unsettled() {
            let read = read(&parts, &pending).await;
            pending.settle(read.as_ref());
            // Replaced while the store was read: it would be stored over what has replaced it. And what a session that is
            // gone had to store has been handed over.
            let current = session.upgrade().is_some_and(|session| {
                session.change(|slot, _| {
                    slot.machine.settle(id, read.as_ref());
                    slot.machine.pending(id).is_some()
                })
            });
            if !current {
                return Err(Error::new(ErrorKind::SessionChanged));
            }
        }
        let applied = try_once(&parts, &session, &pending).await;
        let Some(applied) = written_back(&parts, &pending, applied, &mut again).await else { continue };
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

/// What is stored now, if the store can be read. What the storage has lost is written back first.
async fn read(parts: &Arc<Parts>, pending: &Pending) -> Option<Seen> {
    let seen = parts.load().await.ok()?;
    let Some(again) = parts.again(pending.known(), &seen) else { return Some(seen) };
    stay(parts.apply(again)).await.ok()?;
    parts.load().await.ok()
}

/// The answer, unless only a loss of the storage was in the way: what was lost is stored again by now, and the write can be
/// tried anew.
async fn written_back(parts: &Arc<Parts>, pending: &Pending, applied: Applied, again: &mut usize) -> Option<Applied> {
    if *again == MOST_AGAIN || !is_refused_by_ancestor(pending.known(), &applied) {
        return Some(applied);
    }
    *again += 1;
    let stored = match parts.lost(pending.known()).await {
        Ok(Some(op)) => stay(parts.apply(op)).await.map(drop),
        // Another process may have written it back.
        Ok(None) => Ok(()),
        Err(failure) => Err(failure),
    };
    stored.err().map(|failure| Err(Failure { tried: None, ..failure }))
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
        Ok(stay) => stay.await,
        Err(_) => Err(unknown("the store waits for itself")),
    }
}

/// Stores what a session that is gone left behind: tries until it is done or has failed too often.
pub(crate) async fn persist(parts: Arc<Parts>, mut pending: Pending) -> Written {
    if pending.is_unsettled() {
        let read = read(&parts, &pending).await;
        pending.settle(read.as_ref());
    }
    let applied = apply(&parts, &pending).await;
    persist_from(parts, pending, applied).await
}

async fn persist_from(parts: Arc<Parts>, mut pending: Pending, mut applied: Applied) -> Written {
    let mut pause = PERSIST_PAUSE.0;
    let mut last = Error::new(ErrorKind::Closed);
    let mut again = 0;
    for _ in 0..PERSIST_TRIES {
        let Some(answer) = written_back(&parts, &pending, applied, &mut again).await else {
            applied = apply(&parts, &pending).await;
            continue;
        };
        match pending.answer(answer, parts.now()) {
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
