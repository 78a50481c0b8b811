use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokenflight_core::{
    BoxFuture, Epoch, Generation, Store,
    lease::{
        Claim, Commit, End, GrantKey, Intent, Lease, Owner, Record, RecordState, Reset, Settle, StoreError, Write,
    },
};

use crate::lock::lock;

/// The [`Store`] contract in its plainest form: a map under a mutex, every operation one short function.
///
/// The twin that other stores are compared with, and the floor under [`MockStore`](crate::MockStore). Nothing survives
/// the process. It has no clock: leases and intents run out by the wall clock of the [`Claim`] that finds them.
/// Cloning shares it, as two processes share a file.
///
/// ```
/// use tokenflight_core::{Epoch, Generation, Store, lease::{GrantKey, Reset}};
/// use tokenflight_test::{ManualTime, ModelStore};
///
/// let (time, store, key) = (ManualTime::new(0), ModelStore::new(), GrantKey::new("alice"));
/// let reset = Reset::new(Epoch::new(1), Generation::new(1), None);
/// time.run(store.reset(&key, reset))?;
/// assert_eq!(time.run(store.load(&key))?.unwrap().epoch, Epoch::new(1));
/// # Ok::<_, tokenflight_core::lease::StoreError>(())
/// ```
#[derive(Clone, Default)]
pub struct ModelStore(Arc<Mutex<HashMap<GrantKey, Entry>>>);

/// What is kept for a key: the record, and beside it at most one lease.
#[derive(Default)]
struct Entry {
    record: Option<Record>,
    lease: Option<Held>,
}

struct Held {
    owner: Owner,
    until: Duration,
}

impl ModelStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The record of a key, without a future.
    #[must_use]
    pub fn record(&self, key: &GrantKey) -> Option<Record> {
        lock(&self.0).get(key).and_then(|entry| entry.record.clone())
    }

    /// Puts a record in place, whatever was there; for set-ups, not part of the contract.
    pub fn put(&self, key: &GrantKey, record: Option<Record>) {
        lock(&self.0).entry(key.clone()).or_default().record = record;
    }

    /// Who has the lease of a key, run out or not.
    #[must_use]
    pub fn lease_owner(&self, key: &GrantKey) -> Option<Owner> {
        lock(&self.0).get(key).and_then(|entry| entry.lease.as_ref()).map(|held| held.owner)
    }

    /// One atomic step on one entry, taken when the future is first polled.
    fn step<'a, T>(
        &'a self,
        key: &'a GrantKey,
        step: impl FnOnce(&mut Entry) -> T + Send + 'a,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        Box::pin(async move { Ok(step(lock(&self.0).entry(key.clone()).or_default())) })
    }
}

impl Entry {
    /// Contract 3 and 4: until when this claimant must wait, if it must.
    fn busy_until(&self, claim: &Claim) -> Option<Duration> {
        let lease = self.lease.as_ref().map(|held| (held.owner, held.until));
        let intent = self.record.as_ref().and_then(|record| record.intent).filter(|intent| !intent.ambiguous);
        let intent = intent.map(|intent| (intent.owner, intent.until));
        let excludes = |&(owner, until): &(Owner, Duration)| owner != claim.owner && until > claim.now.wall;
        [lease, intent].into_iter().flatten().filter(excludes).map(|(_, until)| until).max()
    }

    fn lease(&mut self, claim: &Claim) -> Lease {
        if let Some(until) = self.busy_until(claim) {
            return Lease::Busy { retry_after: Some(until.saturating_sub(claim.now.wall)) };
        }
        self.lease = Some(Held { owner: claim.owner, until: claim.until() });
        Lease::Granted(self.record.clone())
    }

    /// Contract 4.
    fn intend(&mut self, owner: Owner) -> bool {
        let Some(held) = self.lease.as_ref().filter(|held| held.owner == owner) else { return false };
        if let Some(record) = &mut self.record {
            record.intent = Some(Intent::pending(owner, held.until));
        }
        true
    }

    /// Contract 5: the epoch and the predecessor decide, the lease does not.
    fn commit(&mut self, commit: Commit) -> Write {
        if !Record::accepts(self.record.as_ref(), commit.epoch, commit.presented.as_ref()) {
            return Write::Conflict(self.record.clone());
        }
        let stored = self.record.as_ref().map(|record| record.generation).unwrap_or_default();
        let generation = commit.generation.max(stored.next());
        self.record = Some(Record::new(commit.epoch, generation, RecordState::Active(commit.tokens)));
        self.release(commit.owner);
        Write::Stored(generation)
    }

    /// Contract 6: a tombstone beside the tokens. The attempt is over, so intent and lease go as with a commit (R-213).
    fn end(&mut self, end: End) -> Write {
        let accepts = Record::accepts(self.record.as_ref(), end.epoch, end.presented.as_ref());
        let tokens = self.record.as_ref().and_then(Record::tokens).cloned();
        let (true, Some(record), Some(tokens)) = (accepts, &mut self.record, tokens) else {
            return Write::Conflict(self.record.clone());
        };
        record.state = RecordState::Ended { tokens, reason: end.reason, at: end.at };
        record.intent = None;
        let generation = record.generation;
        self.release(end.owner);
        Write::Stored(generation)
    }

    fn settle(&mut self, owner: Owner, outcome: Settle) {
        let record = self.record.as_mut();
        if let Some(record) = record.filter(|record| record.intent.is_some_and(|intent| intent.owner == owner)) {
            match outcome {
                Settle::Untouched => record.intent = None,
                Settle::Ambiguous => {
                    if let Some(intent) = &mut record.intent {
                        intent.ambiguous = true;
                    }
                }
            }
        }
        self.release(owner);
    }

    /// Contract 7. The lease goes with the epoch: what its owner wants to present is no longer what is stored.
    fn reset(&mut self, reset: Reset) -> (Epoch, Generation) {
        // Without a record it is as if epoch and generation zero were stored.
        let stored = self.record.as_ref().map_or_else(Default::default, |record| (record.epoch, record.generation));
        let (epoch, generation) = (reset.epoch.max(stored.0.next()), reset.generation.max(stored.1.next()));
        let state = reset.tokens.map_or(RecordState::LoggedOut, RecordState::Active);
        self.record = Some(Record::new(epoch, generation, state));
        self.lease = None;
        (epoch, generation)
    }

    /// Contract 3: nobody releases what is another's.
    fn release(&mut self, owner: Owner) {
        self.lease.take_if(|held| held.owner == owner);
    }
}

impl fmt::Debug for ModelStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelStore").field("keys", &lock(&self.0).len()).finish()
    }
}

impl Store for ModelStore {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        self.step(key, |entry| entry.record.clone())
    }

    fn lease<'a>(&'a self, key: &'a GrantKey, claim: Claim) -> BoxFuture<'a, Result<Lease, StoreError>> {
        self.step(key, move |entry| entry.lease(&claim))
    }

    fn intend<'a>(&'a self, key: &'a GrantKey, owner: Owner) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.step(key, move |entry| entry.intend(owner))
    }

    fn commit<'a>(&'a self, key: &'a GrantKey, commit: Commit) -> BoxFuture<'a, Result<Write, StoreError>> {
        self.step(key, move |entry| entry.commit(commit))
    }

    fn end<'a>(&'a self, key: &'a GrantKey, end: End) -> BoxFuture<'a, Result<Write, StoreError>> {
        self.step(key, move |entry| entry.end(end))
    }

    fn settle<'a>(&'a self, key: &'a GrantKey, owner: Owner, outcome: Settle) -> BoxFuture<'a, Result<(), StoreError>> {
        self.step(key, move |entry| entry.settle(owner, outcome))
    }

    fn reset<'a>(&'a self, key: &'a GrantKey, reset: Reset) -> BoxFuture<'a, Result<(Epoch, Generation), StoreError>> {
        self.step(key, move |entry| entry.reset(reset))
    }
}
