//! A store that lives and dies with the process.

mod entry;

use std::{collections::HashMap, fmt};

use tokenflight_core::{
    BoxFuture, Epoch, Generation, Store,
    lease::{Claim, Commit, End, GrantKey, Lease, Owner, Record, Reset, Settle, StoreError, Write},
};

pub(crate) use self::entry::{Entry, Held};
use crate::sync::{Arc, Mutex, lock};

/// A [`Store`] in memory: for tests, for sessions that need not survive, and to let several sessions of one process
/// share a grant. Cloning shares.
///
/// * Whoever restarts has to log in again: a refresh token that was rotated in memory is gone with the process.
/// * Leases and intents run out by the wall clock of the claim. When that clock is set back, a lease whose holder is gone
///   lasts longer by as much.
/// * A grant that was ever logged in keeps its record, even logged out: its epoch must not be forgotten.
///
/// Every operation is done by the first poll of its future: there is nothing to cancel.
///
/// ```
/// use std::time::Duration;
/// use tokenflight::MemoryStore;
/// use tokenflight_core::{Epoch, Generation, Store, TokenSet, lease::{GrantKey, Reset, StoredTokens}};
///
/// # futures_util::FutureExt::now_or_never(async {
/// let store = MemoryStore::new();
/// let key = GrantKey::new("alice");
/// let login = StoredTokens::from_set(&TokenSet::new("access").refresh_token("refresh"), Duration::ZERO, None);
/// store.reset(&key, Reset::new(Epoch::new(1), Generation::new(1), Some(login))).await?;
/// assert_eq!(store.load(&key).await?.unwrap().epoch, Epoch::new(1));
/// # Ok::<_, tokenflight_core::lease::StoreError>(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone, Default)]
pub struct MemoryStore {
    entries: Arc<Mutex<HashMap<GrantKey, Entry>>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One atomic step on one entry, taken when the future is first polled.
    fn step<'a, A: 'a>(
        &'a self,
        key: &'a GrantKey,
        step: impl FnOnce(&mut Entry) -> A + Send + 'a,
    ) -> BoxFuture<'a, Result<A, StoreError>> {
        Box::pin(async move {
            let mut entries = lock(&self.entries);
            let entry = entries.entry(key.clone()).or_default();
            let answer = step(entry);
            // Asking about a key must not make the map grow.
            if entry.is_vacant() {
                entries.remove(key);
            }
            Ok(answer)
        })
    }
}

impl Store for MemoryStore {
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

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("grants", &lock(&self.entries).len()).finish_non_exhaustive()
    }
}
