//! A store that lives and dies with the process.

use std::{collections::HashMap, fmt};

use tokenflight_core::{
    BoxFuture,
    store::{Entry, Facts, GrantKey, Op, Reply, Seen, Store, StoreError, apply},
};

use crate::sync::{Arc, Mutex, lock};

/// A [`Store`] in memory: for tests, for sessions that need not survive, and to let several
/// sessions of one process share a grant. Cloning shares.
///
/// * After a restart a login is needed: a refresh token rotated in memory is gone with the process.
/// * The sessions that share it must share one clock, too ([`Facts::in_process`]).
/// * A grant ever logged in keeps its entry, even logged out: its epoch must not be forgotten.
///
/// # Cancel safety
///
/// The first poll of an operation does all of it: there is nothing to cancel.
///
/// ```
/// use tokenflight::MemoryStore;
/// use tokenflight_core::store::{GrantKey, Store};
///
/// # futures_util::FutureExt::now_or_never(async {
/// let store = MemoryStore::new();
/// assert!(store.load(&GrantKey::new("alice")).await?.entry.is_none());
/// # Ok::<_, tokenflight_core::store::StoreError>(())
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
}

impl Store for MemoryStore {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(async move { Ok(Seen::new(lock(&self.entries).get(key).cloned(), Facts::in_process())) })
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        Box::pin(async move {
            let mut entries = lock(&self.entries);
            let (next, reply) = apply(entries.get(key), &op, &Facts::in_process());
            if let Some(next) = next {
                entries.insert(key.clone(), next);
            }
            Ok(reply)
        })
    }

    fn is_private(&self) -> bool {
        true
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("grants", &lock(&self.entries).len()).finish_non_exhaustive()
    }
}
