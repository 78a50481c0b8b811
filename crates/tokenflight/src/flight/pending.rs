//! What has not reached the store yet.

use std::time::Duration;

use tokenflight_core::{
    BoxFuture, Epoch, Error, ErrorKind, Generation,
    store::{Commit, Record, Reset, StoreError, Write},
};

use super::{Deadline, catch::caught};
use crate::{
    session::Parts,
    sync::{Arc, Mutex, lock},
};

/// A write that must still happen: a rotation, a login or a logout. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Pending(Arc<Inner>);

struct Inner {
    request: Request,
    /// A write that outlived its time limit. It is not dropped and not overtaken: its effect may still come (C-59).
    running: Mutex<Option<BoxFuture<'static, Result<Saved, Error>>>>,
}

enum Request {
    Commit(Commit),
    Reset(Reset),
}

/// What a write did.
#[derive(Clone, Debug)]
pub(crate) enum Saved {
    /// Stored, under these numbers.
    Stored { epoch: Epoch, generation: Generation },
    /// Refused: somebody else's state is stored. There is nothing left to save.
    Overtaken(Option<Record>),
}

impl Pending {
    pub(crate) fn commit(commit: Commit) -> Self {
        Self::new(Request::Commit(commit))
    }

    pub(crate) fn reset(reset: Reset) -> Self {
        Self::new(Request::Reset(reset))
    }

    fn new(request: Request) -> Self {
        Self(Arc::new(Inner { request, running: Mutex::new(None) }))
    }

    /// Whether both are the same write.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The epoch in which the write was asked for.
    pub(crate) fn epoch(&self) -> Epoch {
        match &self.0.request {
            Request::Commit(commit) => commit.epoch,
            Request::Reset(reset) => reset.epoch,
        }
    }

    /// Tries the write, for as long as `limit`; what takes longer is gone on with at the next try.
    ///
    /// # Errors
    ///
    /// The store's failure, its panic, or its silence. The write may have taken effect all the same.
    pub(crate) async fn save(&self, parts: &Arc<Parts>, limit: Duration) -> Result<Saved, Error> {
        let running = lock(&self.0.running).take();
        let write = running.unwrap_or_else(|| self.write(Arc::clone(parts)));
        match Deadline::after(Arc::clone(&parts.time), limit).limit(write).await {
            Ok(result) => result,
            Err(write) => {
                *lock(&self.0.running) = Some(write);
                Err(Error::with_source(ErrorKind::Store, "the store did not answer in time"))
            }
        }
    }

    fn write(&self, parts: Arc<Parts>) -> BoxFuture<'static, Result<Saved, Error>> {
        let this = self.clone();
        Box::pin(async move {
            let (store, key) = (&parts.store, &parts.key);
            match &this.0.request {
                Request::Commit(commit) => {
                    let write = caught(async { store.commit(key, commit.clone()).await }).await;
                    Ok(outcome(commit, answered(write)?))
                }
                Request::Reset(reset) => {
                    let write = caught(async { store.reset(key, reset.clone()).await }).await;
                    let (epoch, generation) = answered(write)?;
                    Ok(Saved::Stored { epoch, generation })
                }
            }
        })
    }
}

fn outcome(commit: &Commit, write: Write) -> Saved {
    match write {
        Write::Stored(generation) => Saved::Stored { epoch: commit.epoch, generation },
        // An earlier try that seemed to fail had taken effect: what is stored is ours.
        Write::Conflict(Some(record)) if record.epoch == commit.epoch && record.tokens() == Some(&commit.tokens) => {
            Saved::Stored { epoch: record.epoch, generation: record.generation }
        }
        Write::Conflict(record) => Saved::Overtaken(record),
    }
}

/// A store's answer, panic or failure as our error.
pub(crate) fn answered<T>(answer: Result<Result<T, StoreError>, super::catch::Panicked>) -> Result<T, Error> {
    match answer {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.into()),
        Err(panicked) => Err(Error::with_source(ErrorKind::Store, panicked)),
    }
}
