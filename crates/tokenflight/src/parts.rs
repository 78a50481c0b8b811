//! What does not change while a session lives, and the calls into the user's code made with it.

use std::{
    future::{Future, pending},
    time::Duration,
};

use tokenflight_core::{
    Error, ErrorKind, Grant, Now, Time,
    store::{Body, Entry, GrantKey, Op, Reply, Seen, Store, StoreError, StoreErrorKind},
};
use tokenflight_machine::{Failure, Policy, Rules};

use crate::{
    audiences::{Common, Members},
    catch::{Panicked, caught, caught_call},
    flight::Flight,
    session::Listeners,
    sync::{Arc, StdArc},
    telemetry::{Operation, Signal, Telemetry},
    time::{Deadline, read},
};

/// What does not change while a session lives. A flight holds this strongly and its session weakly,
/// so that it can reach the store even when no handle is left to use the result.
pub(crate) struct Parts {
    pub(crate) grant: Arc<dyn Grant>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) time: Arc<dyn Time>,
    pub(crate) key: GrantKey,
    pub(crate) rules: StdArc<Rules>,
    pub(crate) listeners: Listeners,
    pub(crate) telemetry: Telemetry,
    /// The session that keeps the refresh token, if this is one of several audiences.
    pub(crate) common: Option<Arc<Common>>,
    /// The audiences, if this is the session that they have in common.
    pub(crate) members: Option<Arc<Members>>,
    /// What a claim of this session is called, for people.
    pub(crate) holder: Box<str>,
}

/// How often a lost state is written back, or a token presented in the place of another one, before
/// something else is wrong.
pub(crate) const MOST_AGAIN: usize = 3;

/// The end of a store operation.
pub(crate) type Applied = Result<Reply, Failure>;

impl Parts {
    pub(crate) fn policy(&self) -> &Policy {
        &self.rules.policy
    }

    pub(crate) fn now(&self) -> Now {
        read(&*self.time)
    }

    pub(crate) fn random(&self) -> u64 {
        caught_call(|| self.time.random()).unwrap_or_default()
    }

    /// Waits for as long as this.
    ///
    /// # Errors
    ///
    /// There is no timer. What would try again must give up: it would go round without ever letting
    /// go of its thread.
    pub(crate) async fn pause(self: &Arc<Self>, wait: Duration) -> Result<(), Error> {
        Ok(Deadline::after(Arc::clone(&self.time), wait).await?)
    }

    /// Does some work for as long as this; `None` if that was not enough.
    pub(crate) async fn within<F: Future + Unpin>(&self, limit: Duration, work: F) -> Option<F::Output> {
        Deadline::after(Arc::clone(&self.time), limit).limit(work).await.ok()
    }

    /// Reads the store.
    pub(crate) async fn load(&self) -> Result<Seen, Error> {
        self.load_within(self.policy().store_limit).await
    }

    /// Reads the store, if it answers as soon as this.
    pub(crate) async fn load_within(&self, limit: Duration) -> Result<Seen, Error> {
        let load = Box::pin(caught(async { self.store.load(&self.key).await }));
        match self.within(limit, load).await {
            Some(Ok(Ok(seen))) => Ok(seen),
            Some(Ok(Err(error))) => Err(error.into()),
            Some(Err(panicked)) => Err(Error::with_source(ErrorKind::Store, panicked)),
            None => Err(Error::with_source(ErrorKind::Store, "the store did not answer in time")),
        }
    }

    /// Reads the store, and returns the operation that stores again what was last seen in it, if
    /// the storage has lost that.
    pub(crate) async fn lost(&self, known: Option<&StdArc<Entry>>) -> Result<Option<Op>, Failure> {
        let failed = |error| Failure { kind: StoreErrorKind::Unknown, tried: None, error };
        let seen = self.load().await.map_err(failed)?;
        Ok(self.again(known, &seen))
    }

    /// As [`lost`](Self::lost), after this was read.
    pub(crate) fn again(&self, known: Option<&StdArc<Entry>>, seen: &Seen) -> Option<Op> {
        let known = known.filter(|known| {
            let missing = Entry::default();
            seen.facts.have_lost(known, seen.entry.as_ref().unwrap_or(&missing))
        })?;
        let record = Box::new(Entry::clone(known));
        Some(Op::new(seen.facts.incarnation, self.now(), Body::Again { record }))
    }

    /// Completes when the store tells that the entry may have been written.
    pub(crate) async fn changed(&self) {
        if caught(async { self.store.changed(&self.key).await }).await.is_err() {
            pending().await
        }
    }

    /// Begins an operation. It is a flight, so that a caller that waits for it can leave it to its
    /// end; one that is never answered ends after several times the store's limit.
    pub(crate) fn apply(self: &Arc<Self>, op: Op) -> Flight<Applied> {
        let (parts, operation) = (Arc::clone(self), Operation::from(&op.body));
        Flight::new(Box::pin(async move {
            let timer = parts.timer();
            let limit = parts.policy().store_limit.saturating_mul(6);
            let apply = Box::pin(caught(async { parts.store.apply(&parts.key, op).await }));
            let applied = match caught(parts.within(limit, apply)).await {
                Ok(Some(Ok(Ok(reply)))) => Ok(reply),
                Ok(Some(Ok(Err(error)))) => Err(failure(error)),
                Ok(Some(Err(Panicked))) | Err(Panicked) => Err(unknown(Panicked)),
                Ok(None) => Err(unknown("the store did not answer in time")),
            };
            parts.signal(|| Signal::Stored { operation, took: parts.since(timer), outcome: (&applied).into() });
            applied
        }))
    }
}

/// Whether what stood in the way of an operation is an ancestor of what was last seen in the store:
/// then the storage may have lost that.
pub(crate) fn is_refused_by_ancestor(known: Option<&StdArc<Entry>>, applied: &Applied) -> bool {
    match (known, applied) {
        (Some(known), Ok(Reply::Conflict(entry) | Reply::Overtaken(entry))) => entry.order() < known.order(),
        _ => false,
    }
}

fn failure(error: StoreError) -> Failure {
    let (kind, tried) = (error.kind(), error.tried().cloned().map(Box::new));
    Failure { kind, tried, error: error.into() }
}

pub(crate) fn unknown(source: impl Into<tokenflight_core::BoxError>) -> Failure {
    let error = Error::with_source(ErrorKind::Store, source);
    Failure { kind: StoreErrorKind::Unknown, tried: None, error }
}
