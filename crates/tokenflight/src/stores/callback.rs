//! A store made of functions of the application.

use std::{fmt, future::Future};

use tokenflight_core::{
    BoxError, BoxFuture,
    store::{Blob, Cell, CellStore, Facts, GrantKey, Loaded, Op, OpId, Reply, Seen, Store, StoreError, Swap, Version},
};

use super::turns::Turns;
use crate::{catch::caught, sync::Arc};

/// A [`Store`] over storage of the application's own: a keyring, a file, a table; anything that can
/// load and save bytes. Cloning shares.
///
/// There are two kinds:
///
/// * [`new`](Self::new) takes two functions, load and save. **It excludes within one process
///   only**: another process on the same storage is neither seen nor stopped, and the two would
///   present each other's refresh token. Within the process the operations on one key are done one
///   after the other; those on different keys run side by side, so if all keys share one file,
///   `save` must lock it.
/// * [`conditional`](Self::conditional) takes, in the place of save, a function that saves *if the
///   value is unchanged*: the conditional update of a database, say. It serves several processes
///   and hosts. The storage has no clock in it, so a process that finds the claim of a dead one
///   watches it for its whole length.
///
/// What is stored is the text of [`codec`](tokenflight_core::store::codec). It holds secrets; put
/// none of them in an error.
///
/// `save` must not report success before the value is durable, must replace all of it or nothing,
/// and must not write anything after its future has ended or was dropped. If it cannot promise the
/// last (a blocking thread goes on), use the conditional kind.
///
/// # Errors
///
/// A failure or panic of `load` is [`NotDone`](tokenflight_core::store::StoreErrorKind::NotDone).
/// One of a save is [`Unknown`](tokenflight_core::store::StoreErrorKind::Unknown): it may have
/// written. Bytes that cannot be read are
/// [`Refused`](tokenflight_core::store::StoreErrorKind::Refused), and left as they are.
///
/// # Cancel safety
///
/// An operation that is dropped half-way may or may not have been saved: the same operation, tried
/// again, finds out. One that is kept but not polled blocks no other: with two functions, the
/// operations that wait for it poll the functions' futures in its place.
///
/// ```
/// use std::{collections::HashMap, sync::{Arc, Mutex}, time::Duration};
/// use tokenflight::CallbackStore;
/// use tokenflight_core::{Now, store::{Body, GrantKey, Op, Store}};
///
/// // Stands for a keyring.
/// let kept = Arc::new(Mutex::new(HashMap::new()));
/// let store = CallbackStore::new(
///     { let kept = kept.clone(); move |key| {
///         let found = kept.lock().unwrap().get(&key).cloned();
///         async move { Ok(found) }
///     } },
///     { let kept = kept.clone(); move |key, value| {
///         kept.lock().unwrap().insert(key, value);
///         async { Ok(()) }
///     } },
/// );
///
/// # futures_util::FutureExt::now_or_never(async {
/// let key = GrantKey::new("alice");
/// let now = Now::new(Duration::ZERO, Duration::ZERO);
/// store.apply(&key, Op::new(None, now, Body::Reset { base: None, tokens: None })).await?;
/// assert!(kept.lock().unwrap().contains_key(&key));
/// # Ok::<_, tokenflight_core::store::StoreError>(())
/// # }).unwrap().unwrap();
/// ```
#[derive(Clone)]
pub struct CallbackStore {
    store: Arc<CellStore<Callbacks>>,
    /// One operation a key at a time, where the storage does not compare.
    turns: Option<Arc<Turns<Result<Reply, StoreError>>>>,
}

/// A write that is to be done if the value is unchanged; what the save of a
/// [conditional](CallbackStore::conditional) store is given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Change {
    /// Which value.
    pub key: GrantKey,
    /// The version that must be stored still; [`OpId::NONE`] if there must be no value.
    pub expected: OpId,
    /// The version of the new value. Store it beside the value.
    pub version: OpId,
    /// The new value.
    pub value: Blob,
}

type Load = dyn Fn(GrantKey) -> BoxFuture<'static, Result<Option<Blob>, BoxError>> + Send + Sync;
type Save = dyn Fn(Change) -> BoxFuture<'static, Result<bool, BoxError>> + Send + Sync;

struct Callbacks {
    load: Box<Load>,
    save: Box<Save>,
    facts: Facts,
    private: bool,
}

impl CallbackStore {
    /// A store of two async functions, for one process.
    ///
    /// `load` answers what was last saved under a key, or nothing. `save` replaces it.
    pub fn new<L, LoadFuture, S, SaveFuture>(load: L, save: S) -> Self
    where
        L: Fn(GrantKey) -> LoadFuture + Send + Sync + 'static,
        LoadFuture: Future<Output = Result<Option<Blob>, BoxError>> + Send + 'static,
        S: Fn(GrantKey, Blob) -> SaveFuture + Send + Sync + 'static,
        SaveFuture: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        let save = move |Change { key, value, .. }| {
            let saved = save(key, value);
            async move { saved.await.map(|()| true) }
        };
        let store = Arc::new(CellStore::new(Callbacks::new(load, save, Facts::in_process(), true)));
        Self { store, turns: Some(Arc::default()) }
    }

    /// A store of two async functions, for several processes.
    ///
    /// `load` answers what was last saved under a key, or nothing. `save` compares and writes in
    /// one atomic step: if the version it has stored is [`Change::expected`], it replaces value and
    /// version and answers `true`, else `false`.
    pub fn conditional<L, LoadFuture, S, SaveFuture>(load: L, save: S) -> Self
    where
        L: Fn(GrantKey) -> LoadFuture + Send + Sync + 'static,
        LoadFuture: Future<Output = Result<Option<Blob>, BoxError>> + Send + 'static,
        S: Fn(Change) -> SaveFuture + Send + Sync + 'static,
        SaveFuture: Future<Output = Result<bool, BoxError>> + Send + 'static,
    {
        Self { store: Arc::new(CellStore::new(Callbacks::new(load, save, Facts::none(), false))), turns: None }
    }
}

impl Callbacks {
    fn new<L, LoadFuture, S, SaveFuture>(load: L, save: S, facts: Facts, private: bool) -> Self
    where
        L: Fn(GrantKey) -> LoadFuture + Send + Sync + 'static,
        LoadFuture: Future<Output = Result<Option<Blob>, BoxError>> + Send + 'static,
        S: Fn(Change) -> SaveFuture + Send + Sync + 'static,
        SaveFuture: Future<Output = Result<bool, BoxError>> + Send + 'static,
    {
        Self {
            load: Box::new(move |key| Box::pin(load(key))),
            save: Box::new(move |change| Box::pin(save(change))),
            facts,
            private,
        }
    }
}

impl Cell for Callbacks {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Loaded, StoreError>> {
        Box::pin(async move {
            let loaded = caught(async { (self.load)(key.clone()).await }).await;
            let bytes = loaded.map_err(StoreError::not_done)?.map_err(StoreError::not_done)?;
            Ok(Loaded::new(bytes, self.facts))
        })
    }

    fn swap<'a>(
        &'a self,
        key: &'a GrantKey,
        expected: Version,
        op: OpId,
        new: Blob,
    ) -> BoxFuture<'a, Result<Swap, StoreError>> {
        Box::pin(async move {
            let change = Change { key: key.clone(), expected: expected.op, version: op, value: new };
            let saved = caught(async { (self.save)(change).await }).await;
            let saved = saved.map_err(StoreError::unknown)?.map_err(StoreError::unknown)?;
            Ok(if saved { Swap::Stored } else { Swap::Lost })
        })
    }

    fn is_private(&self) -> bool {
        self.private
    }
}

impl Store for CallbackStore {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        self.store.load(key)
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, mut op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        let Some(turns) = &self.turns else { return self.store.apply(key, op) };
        // The functions do not compare: what is stored is read within the turn.
        op.read = None;
        let (store, owned) = (Arc::clone(&self.store), key.clone());
        Box::pin(turns.take(key.clone(), async move { store.apply(&owned, op).await }))
    }

    fn is_private(&self) -> bool {
        self.store.is_private()
    }
}

impl fmt::Debug for CallbackStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackStore").field("conditional", &self.turns.is_none()).finish_non_exhaustive()
    }
}
