use std::{fmt, sync::Arc};

use tokenflight::{
    BoxFuture, Entry, GrantKey, MemoryStore, Store,
    core::store::{Op, Reply, Seen, StoreError, apply},
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
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        self.memory.load(key)
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        Box::pin(async move {
            let _turn = self.turn.lock().await;
            let Seen { entry, facts, .. } = self.memory.load(key).await?;
            // The file first: as long as it has not the successor, the predecessor is not forgotten. What is refused does not
            // get into the file at all, and a logout, which the soak does not make, has nothing to write.
            let (next, _) = apply(entry.as_ref(), &op, &facts);
            let tokens = next.as_ref().and_then(Entry::tokens);
            if let Some(tokens) = tokens.filter(|tokens| entry.as_ref().and_then(Entry::tokens) != Some(*tokens)) {
                self.file.write(tokens).map_err(StoreError::unknown)?;
            }
            self.memory.apply(key, op).await
        })
    }

    fn is_private(&self) -> bool {
        true
    }
}

impl fmt::Debug for FileStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileStore").field("file", &self.file).finish_non_exhaustive()
    }
}
