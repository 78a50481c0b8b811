use std::{fmt, sync::Arc};

use tokenflight::{
    BoxFuture, Epoch, Generation, MemoryStore, Store,
    core::lease::{Claim, Commit, End, GrantKey, Lease, Owner, Record, Reset, Settle, StoreError, Write},
};
use tokio::sync::Mutex;

use super::TokenFile;

/// A store whose tokens are in a [`TokenFile`] before anybody uses them. What need not survive the process is in memory.
///
/// The file has one login; several grants in one store would overwrite each other's.
pub struct FileStore {
    memory: MemoryStore,
    file: Arc<TokenFile>,
    /// Makes looking, writing the file and writing the memory one step.
    turn: Mutex<()>,
}

impl FileStore {
    /// An empty store. Its first reset or commit replaces what is in the file.
    #[must_use]
    pub fn new(file: Arc<TokenFile>) -> Self {
        Self { memory: MemoryStore::new(), file, turn: Mutex::new(()) }
    }
}

impl Store for FileStore {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        self.memory.load(key)
    }

    fn lease<'a>(&'a self, key: &'a GrantKey, claim: Claim) -> BoxFuture<'a, Result<Lease, StoreError>> {
        self.memory.lease(key, claim)
    }

    fn intend<'a>(&'a self, key: &'a GrantKey, owner: Owner) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.memory.intend(key, owner)
    }

    fn commit<'a>(&'a self, key: &'a GrantKey, commit: Commit) -> BoxFuture<'a, Result<Write, StoreError>> {
        Box::pin(async move {
            let _turn = self.turn.lock().await;
            let record = self.memory.load(key).await?;
            // The file first: as long as it has not the successor, the predecessor is not forgotten. What the memory is
            // going to refuse must not get into the file at all.
            if Record::accepts(record.as_ref(), commit.epoch, commit.presented.as_ref()) {
                self.file.write(&commit.tokens).map_err(StoreError::new)?;
            }
            self.memory.commit(key, commit).await
        })
    }

    /// The tokens of an ended session stay, in the file as in the record.
    fn end<'a>(&'a self, key: &'a GrantKey, end: End) -> BoxFuture<'a, Result<Write, StoreError>> {
        self.memory.end(key, end)
    }

    fn settle<'a>(&'a self, key: &'a GrantKey, owner: Owner, outcome: Settle) -> BoxFuture<'a, Result<(), StoreError>> {
        self.memory.settle(key, owner, outcome)
    }

    fn reset<'a>(&'a self, key: &'a GrantKey, reset: Reset) -> BoxFuture<'a, Result<(Epoch, Generation), StoreError>> {
        Box::pin(async move {
            let _turn = self.turn.lock().await;
            // A logout has nothing to write; the soak makes none.
            if let Some(tokens) = &reset.tokens {
                self.file.write(tokens).map_err(StoreError::new)?;
            }
            self.memory.reset(key, reset).await
        })
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("file", &self.file).finish_non_exhaustive()
    }
}
