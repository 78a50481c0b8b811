use std::fmt;

use super::{Blob, Cell, GrantKey, Op, OpId, Reply, Seen, Store, StoreError, Swap, Version, apply, codec};
use crate::BoxFuture;

/// How often a lost swap is tried again before the operation counts as not done. Each loss is
/// another writer's success.
const TRIES: usize = 32;

/// A [`Store`] made of a [`Cell`]: load, [`apply()`], swap, and again if the swap was lost. An
/// operation that says what was [read](Op::read) for it begins with the swap. It needs no runtime.
///
/// ```
/// use std::{collections::HashMap, future::ready, sync::Mutex};
/// use tokenflight_core::{
///     BoxFuture, Now,
///     store::{Blob, Body, Cell, CellStore, Facts, GrantKey, Loaded, Op, OpId, Reply, Store, StoreError, Swap, Version},
/// };
///
/// /// A map, as the plainest cell. `Facts::in_process()`, and comparing no incarnation, are right
/// /// only because no other process reaches it.
/// #[derive(Default)]
/// struct Map(Mutex<HashMap<GrantKey, (OpId, Blob)>>);
///
/// impl Cell for Map {
///     fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Loaded, StoreError>> {
///         let bytes = self.0.lock().unwrap().get(key).map(|(_, bytes)| bytes.clone());
///         Box::pin(ready(Ok(Loaded::new(bytes, Facts::in_process()))))
///     }
///
///     fn swap<'a>(
///         &'a self, key: &'a GrantKey, expected: Version, op: OpId, new: Blob,
///     ) -> BoxFuture<'a, Result<Swap, StoreError>> {
///         let mut map = self.0.lock().unwrap();
///         let stored = map.get(key).map_or(OpId::NONE, |(op, _)| *op);
///         if stored != expected.op {
///             return Box::pin(ready(Ok(Swap::Lost)));
///         }
///         map.insert(key.clone(), (op, new));
///         Box::pin(ready(Ok(Swap::Stored)))
///     }
/// }
///
/// # futures_executor::block_on(async {
/// let store = CellStore::new(Map::default());
/// let key = GrantKey::new("alice");
/// let now = Now::new(Default::default(), Default::default());
/// let reply = store.apply(&key, Op::new(None, now, Body::Reset { base: None, tokens: None })).await?;
/// assert!(matches!(reply, Reply::Stored { .. }));
/// # Ok::<_, StoreError>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct CellStore<C>(C);

impl<C: Cell> CellStore<C> {
    /// A store over this cell.
    pub const fn new(cell: C) -> Self {
        Self(cell)
    }

    /// The cell.
    pub const fn cell(&self) -> &C {
        &self.0
    }

    async fn read(&self, key: &GrantKey) -> Result<Seen, StoreError> {
        let loaded = self.0.load(key).await.map_err(StoreError::before_any_write)?;
        let entry = loaded.bytes.as_ref().map(|bytes| codec::decode(bytes.expose())).transpose();
        Ok(Seen::new(entry.map_err(StoreError::refused)?, loaded.facts))
    }

    async fn step(&self, key: &GrantKey, mut op: Op) -> Result<Reply, StoreError> {
        for _ in 0..TRIES {
            // If that is out of date, the swap is lost.
            let Seen { entry, facts } = match op.read.take() {
                Some(seen) => *seen,
                None => self.read(key).await?,
            };
            let (next, reply) = apply(entry.as_ref(), &op, &facts);
            let Some(next) = next else { return Ok(reply) };
            let version = entry.as_ref().map_or(OpId::NONE, |entry| entry.op);
            let expected = Version { op: version, incarnation: facts.incarnation };
            let bytes: Blob = codec::encode(&next);
            match self.0.swap(key, expected, op.id, bytes).await {
                Ok(Swap::Stored) => return Ok(reply),
                Ok(Swap::Lost) => {}
                Err(error) => return Err(error.computed_on(entry)),
            }
        }
        Err(StoreError::not_done("other writers were faster each time"))
    }
}

impl<C: Cell> Store for CellStore<C> {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(self.read(key))
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        Box::pin(self.step(key, op))
    }

    fn is_private(&self) -> bool {
        self.0.is_private()
    }

    fn changed<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, ()> {
        self.0.changed(key)
    }
}

impl<C> fmt::Debug for CellStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CellStore").finish_non_exhaustive()
    }
}
