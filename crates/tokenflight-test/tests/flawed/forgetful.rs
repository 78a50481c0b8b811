//! A store that loses something when it is opened again.

use std::sync::Mutex;

use tokenflight_core::{
    BoxFuture, Epoch, Generation, Store,
    lease::{Claim, Commit, End, GrantKey, Lease, Owner, Record, Reset, Settle, StoreError, Write},
};
use tokenflight_test::ModelStore;

/// The flaws of a store that loses something when it is opened again; see `survives`.
pub(crate) struct Forgetful {
    pub(crate) inner: ModelStore,
    pub(crate) forget_intents: bool,
    pub(crate) buffered: bool,
    pub(crate) pending: Mutex<Option<(GrantKey, Option<Record>)>>,
}

impl Forgetful {
    fn before_write(&self, key: &GrantKey) {
        if self.buffered {
            self.pending.lock().unwrap().get_or_insert_with(|| (key.clone(), self.inner.record(key)));
        }
    }
}

/// The process dies: what was only buffered never happened.
impl Drop for Forgetful {
    fn drop(&mut self) {
        if let Some((key, record)) = self.pending.lock().unwrap().take() {
            self.inner.put(&key, record);
        }
    }
}

impl Store for Forgetful {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        self.inner.load(key)
    }

    fn lease<'a>(&'a self, key: &'a GrantKey, claim: Claim) -> BoxFuture<'a, Result<Lease, StoreError>> {
        self.inner.lease(key, claim)
    }

    fn intend<'a>(&'a self, key: &'a GrantKey, owner: Owner) -> BoxFuture<'a, Result<bool, StoreError>> {
        if self.forget_intents {
            let record = self.inner.record(key);
            *self.pending.lock().unwrap() = Some((key.clone(), record));
        }
        self.inner.intend(key, owner)
    }

    fn commit<'a>(&'a self, key: &'a GrantKey, commit: Commit) -> BoxFuture<'a, Result<Write, StoreError>> {
        self.before_write(key);
        self.inner.commit(key, commit)
    }

    fn end<'a>(&'a self, key: &'a GrantKey, end: End) -> BoxFuture<'a, Result<Write, StoreError>> {
        self.inner.end(key, end)
    }

    fn settle<'a>(&'a self, key: &'a GrantKey, owner: Owner, outcome: Settle) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.settle(key, owner, outcome)
    }

    fn reset<'a>(&'a self, key: &'a GrantKey, reset: Reset) -> BoxFuture<'a, Result<(Epoch, Generation), StoreError>> {
        self.inner.reset(key, reset)
    }
}
