//! What has not reached the store yet.

use std::time::Duration;

use tokenflight_core::{
    BoxFuture, Epoch, Error, ErrorKind, Generation,
    lease::{Commit, Record, Reset, StoreError, Write},
};

use super::turn::Turn;
use crate::{
    catch::{Panicked, caught},
    session::Parts,
    sync::{Arc, Mutex, lock},
    time::Deadline,
};

/// How long to wait between two tries to store what a session that is gone left behind: at first, and at last.
const PERSIST_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How often that is tried: half a minute, if the store fails at once.
const PERSIST_TRIES: usize = 10;

/// A write that must still happen: a rotation, a login or a logout. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Pending(Arc<Inner>);

struct Inner {
    request: Request,
    /// What this write replaces, oldest first, as long as any of it may be under way. A login that reaches the store after
    /// the logout that followed it would undo that (I-06). *Test*: `tests/suite`, `a_login_that_is_still_being_stored_…`.
    before: Mutex<Vec<Pending>>,
    /// Locked by whoever moves the write on. The write stays here when they leave: it is neither dropped, nor made twice
    /// at once, because its effect may still come (C-59).
    stage: Turn<Stage>,
}

#[derive(Default)]
enum Stage {
    /// Not begun, or failed.
    #[default]
    Idle,
    Running(BoxFuture<'static, Result<Saved, Error>>),
    Done(Saved),
    /// A later login or logout counts.
    Replaced,
}

#[derive(Clone)]
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
    Overtaken(Option<Box<Record>>),
}

impl Pending {
    pub(crate) fn commit(commit: Commit) -> Self {
        Self::new(Request::Commit(commit))
    }

    pub(crate) fn reset(reset: Reset) -> Self {
        Self::new(Request::Reset(reset))
    }

    fn new(request: Request) -> Self {
        Self(Arc::new(Inner { request, before: Mutex::default(), stage: Turn::new(Stage::Idle) }))
    }

    /// Makes it wait for what it replaces.
    pub(crate) fn after(self, elder: Option<&Self>) -> Self {
        if let Some(elder) = elder {
            let mut before = lock(&elder.0.before).clone();
            before.push(elder.clone());
            *lock(&self.0.before) = before;
        }
        self
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
    /// The store's failure, its panic, or its silence; or [`ErrorKind::SessionChanged`] if a later write counts. The write
    /// may have taken effect all the same.
    pub(crate) async fn save(&self, parts: &Arc<Parts>, limit: Duration) -> Result<Saved, Error> {
        match Deadline::after(Arc::clone(&parts.time), limit).limit(Box::pin(self.settle(parts))).await {
            Ok(result) => result,
            Err(_) => Err(Error::with_source(ErrorKind::Store, "the store did not answer in time")),
        }
    }

    /// Tries the write until it is done or has failed too often. For what a session that is gone leaves behind.
    pub(crate) async fn persist(self, parts: Arc<Parts>) {
        let mut pause = PERSIST_PAUSE.0;
        for _ in 0..PERSIST_TRIES {
            match self.save(&parts, parts.policy.store_limit).await {
                Err(error) if *error.kind() == ErrorKind::Store => {
                    Deadline::after(Arc::clone(&parts.time), pause).await;
                    pause = (pause * 2).min(PERSIST_PAUSE.1);
                }
                _ => return,
            }
        }
    }

    async fn settle(&self, parts: &Arc<Parts>) -> Result<Saved, Error> {
        self.retire_elders().await;
        let mut stage = self.0.stage.take().await;
        if matches!(*stage, Stage::Idle) {
            *stage = Stage::Running(self.0.request.clone().write(Arc::clone(parts)));
        }
        match &mut *stage {
            Stage::Running(write) => {
                let result = write.await;
                *stage = result.as_ref().map_or(Stage::Idle, |saved| Stage::Done(saved.clone()));
                result
            }
            Stage::Done(saved) => Ok(saved.clone()),
            Stage::Idle | Stage::Replaced => Err(Error::new(ErrorKind::SessionChanged)),
        }
    }

    /// Waits for what is under way of the writes before this one, and keeps the others from beginning.
    async fn retire_elders(&self) {
        loop {
            let Some(elder) = lock(&self.0.before).first().cloned() else { return };
            let mut stage = elder.0.stage.take().await;
            if let Stage::Running(write) = &mut *stage {
                // Whether it took effect is its own affair; that it cannot any more is ours.
                let _ = write.await;
            }
            *stage = Stage::Replaced;
            drop(stage);
            lock(&self.0.before).retain(|other| !other.same_as(&elder));
        }
    }
}

impl Request {
    fn write(self, parts: Arc<Parts>) -> BoxFuture<'static, Result<Saved, Error>> {
        Box::pin(async move {
            let (store, key) = (&parts.store, &parts.key);
            match &self {
                Self::Commit(commit) => {
                    let write = caught(async { store.commit(key, commit.clone()).await }).await;
                    Ok(outcome(commit, answered(write)?))
                }
                Self::Reset(reset) => {
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
        Write::Conflict(record) => Saved::Overtaken(record.map(Box::new)),
    }
}

/// A store's answer, panic or failure as our error.
pub(crate) fn answered<T>(answer: Result<Result<T, StoreError>, Panicked>) -> Result<T, Error> {
    match answer {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(error.into()),
        Err(panicked) => Err(Error::with_source(ErrorKind::Store, panicked)),
    }
}
