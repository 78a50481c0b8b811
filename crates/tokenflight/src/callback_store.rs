//! A store made of two functions of the user.

use std::{collections::HashMap, fmt, future::Future};

use futures_util::lock::Mutex as AsyncMutex;
use tokenflight_core::{
    BoxError, BoxFuture, Epoch, Generation, Store,
    lease::{Claim, Commit, End, GrantKey, Lease, Owner, Record, Reset, Settle, StoreError, Write},
};

use crate::{
    memory_store::{Entry, Held},
    sync::{Arc, Mutex, lock},
};

type Load = dyn Fn(GrantKey) -> BoxFuture<'static, Result<Option<Record>, BoxError>> + Send + Sync;
type Save = dyn Fn(GrantKey, Record) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync;

/// A [`Store`] over your own storage: a keyring, a file, a table; anything that can load and save a [`Record`]. Cloning
/// shares.
///
/// * **It excludes within one process only.** Leases are kept in memory and a record is read once: another process on the
///   same storage is neither seen nor stopped, and the two would spend each other's refresh token. Several processes need
///   a store that is made for it.
/// * A record is loaded when its key is first used. Every change is saved before the operation reports success; intents
///   are part of the record, so they survive a crash.
/// * A failed save takes the change back and fails the operation. Nobody knows then what the storage holds, so it is read
///   again before the key is used again.
/// * For one key there is at most one callback under way. Callbacks for *different* keys run side by side: if all keys
///   share one file, `save` must lock it.
///
/// `save` must not report success before the record is durable, must replace all of it or nothing, and must not write
/// anything later than its own end. The record holds secrets; put none of them in an error.
///
/// # Cancel safety
///
/// An operation that is dropped half-way may or may not have been saved. The record is read again before the next
/// operation; the lease stays as it was before.
///
/// # Panics
///
/// A panic of a callback passes through, and counts as an operation that was dropped half-way.
///
/// ```
/// use std::{collections::HashMap, sync::{Arc, Mutex}, time::Duration};
/// use tokenflight::CallbackStore;
/// use tokenflight_core::{Epoch, Generation, Store, TokenSet, lease::{GrantKey, Reset, StoredTokens}};
///
/// // Stands for a keyring.
/// let kept = Arc::new(Mutex::new(HashMap::new()));
/// let store = CallbackStore::new(
///     { let kept = kept.clone(); move |key| {
///         let found = kept.lock().unwrap().get(&key).cloned();
///         async move { Ok(found) }
///     } },
///     { let kept = kept.clone(); move |key, record| {
///         kept.lock().unwrap().insert(key, record);
///         async { Ok(()) }
///     } },
/// );
///
/// # futures_util::FutureExt::now_or_never(async {
/// let key = GrantKey::new("alice");
/// let login = StoredTokens::from_set(&TokenSet::new("access").refresh_token("refresh"), Duration::ZERO, None);
/// store.reset(&key, Reset::new(Epoch::new(1), Generation::new(1), Some(login))).await?;
/// assert!(kept.lock().unwrap().contains_key(&key));
/// # Ok::<_, tokenflight_core::lease::StoreError>(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone)]
pub struct CallbackStore {
    inner: Arc<Inner>,
}

struct Inner {
    load: Box<Load>,
    save: Box<Save>,
    /// One asynchronous lock for each key, held over a whole operation with its callbacks.
    slots: Mutex<HashMap<GrantKey, Arc<AsyncMutex<Slot>>>>,
}

/// What is known of one key.
enum Slot {
    /// Nothing was read yet, or an operation was cut off or failed and nobody knows what is stored.
    Unread(Option<Held>),
    /// What is stored.
    Read(Box<Entry>),
}

impl Slot {
    /// Takes the entry out and leaves a slot that has to be read again, with the lease.
    fn take(&mut self) -> Self {
        let held = match self {
            Self::Unread(held) => *held,
            Self::Read(entry) => entry.held(),
        };
        std::mem::replace(self, Self::Unread(held))
    }
}

impl CallbackStore {
    /// A store of two async functions.
    ///
    /// `load` answers what was last saved under a key, or nothing. `save` replaces it.
    pub fn new<L, LoadFuture, S, SaveFuture>(load: L, save: S) -> Self
    where
        L: Fn(GrantKey) -> LoadFuture + Send + Sync + 'static,
        LoadFuture: Future<Output = Result<Option<Record>, BoxError>> + Send + 'static,
        S: Fn(GrantKey, Record) -> SaveFuture + Send + Sync + 'static,
        SaveFuture: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Self {
            inner: Arc::new(Inner {
                load: Box::new(move |key| Box::pin(load(key))),
                save: Box::new(move |key, record| Box::pin(save(key, record))),
                slots: Mutex::default(),
            }),
        }
    }

    /// One atomic step on one entry, saved before it counts.
    fn step<'a, A: Send + 'a>(
        &'a self,
        key: &'a GrantKey,
        step: impl FnOnce(&mut Entry) -> A + Send + 'a,
    ) -> BoxFuture<'a, Result<A, StoreError>> {
        Box::pin(async move {
            let slot = Arc::clone(lock(&self.inner.slots).entry(key.clone()).or_insert_with(unread));
            let mut slot = slot.lock().await;
            // From here until the entry is put back the slot says "unread": that is what an error, a panic or a dropped
            // future leaves behind, whatever the callback has done by then.
            let before = match slot.take() {
                Slot::Read(entry) => entry,
                Slot::Unread(held) => {
                    let record = (self.inner.load)(key.clone()).await.map_err(StoreError::new)?;
                    Box::new(Entry::new(record, held))
                }
            };
            let mut after = before.clone();
            let answer = step(&mut after);
            if let Some(record) = after.record()
                && before.record() != Some(record)
            {
                (self.inner.save)(key.clone(), record.clone()).await.map_err(StoreError::new)?;
            }
            *slot = Slot::Read(after);
            Ok(answer)
        })
    }
}

fn unread() -> Arc<AsyncMutex<Slot>> {
    Arc::new(AsyncMutex::new(Slot::Unread(None)))
}

impl Store for CallbackStore {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        self.step(key, |entry| entry.record().cloned())
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

impl fmt::Debug for CallbackStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackStore").finish_non_exhaustive()
    }
}
