use std::{collections::HashMap, sync::Mutex};

use tokenflight_core::{
    BoxFuture,
    store::{Entry, GrantKey, Op, Reply, Seen, Store, StoreError, apply},
};
use tokenflight_test::ModelStore;

/// A handle on a storage that keeps something to itself.
pub(crate) struct Forgetful {
    pub(crate) inner: ModelStore,
    /// Every write stays in the handle.
    pub(crate) buffered: bool,
    /// Claims stay in the handle.
    pub(crate) claims_in_memory: bool,
    pub(crate) pending: Mutex<HashMap<GrantKey, Entry>>,
}

impl Forgetful {
    fn entry(&self, key: &GrantKey) -> Option<Entry> {
        self.pending.lock().unwrap().get(key).cloned().or_else(|| self.inner.entry(key))
    }
}

impl Store for Forgetful {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(async move { Ok(Seen::new(self.entry(key), self.inner.facts())) })
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        Box::pin(async move {
            let (next, reply) = apply(self.entry(key).as_ref(), &op, &self.inner.facts());
            if let Some(next) = next {
                let kept = self.buffered || (self.claims_in_memory && next.claim.is_some());
                self.pending.lock().unwrap().insert(key.clone(), next.clone());
                if !kept {
                    self.inner.set_entry(key, Some(next));
                }
            }
            Ok(reply)
        })
    }
}
