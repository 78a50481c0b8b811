//! Operations, as a session makes them.

use std::time::Duration;

use futures_executor::block_on;
use tokenflight_core::{
    Now, TokenSet,
    store::{Body, Entry, EntryState, GrantKey, Op, OpId, Owner, Reply, Seen, Store, StoreError, StoredTokens},
};
use tokenflight_store_file::{FileError, FileStore};

use super::Folder;

pub(crate) fn key() -> GrantKey {
    GrantKey::new("alice")
}

pub(crate) fn tokens(n: u32) -> StoredTokens {
    let set = TokenSet::new(format!("access-{n}")).refresh_token(format!("refresh-{n}"));
    StoredTokens::from_set(&set, Duration::from_secs(1_700_000_000), None)
}

pub(crate) fn op(seen: &Seen, body: Body) -> Op {
    Op::new(seen.facts.incarnation, Now::new(Duration::ZERO, Duration::ZERO), body)
}

pub(crate) fn claim(seen: &Seen, owner: Owner) -> Op {
    let seen_op = seen.entry.as_ref().map_or(OpId::NONE, |entry| entry.op);
    let length = Duration::from_secs(75);
    op(seen, Body::Claim { owner, seen: seen_op, length, yields: None, holder: "the child".into() })
}

/// Logs in with set `n`, whatever is stored.
pub(crate) fn log_in(store: &FileStore, n: u32) -> Result<Entry, StoreError> {
    block_on(async {
        // A record that cannot be read can be replaced.
        let seen = store.load(&key()).await.unwrap_or_default();
        match store.apply(&key(), op(&seen, Body::Reset { base: None, tokens: Some(tokens(n)) })).await? {
            Reply::Stored { entry, .. } => Ok(entry),
            other => panic!("{other:?}"),
        }
    })
}

/// A store over a folder of its own, with set 1 in it.
pub(crate) fn logged_in() -> (Folder, FileStore) {
    let folder = Folder::new();
    let store = FileStore::in_dir(folder.path());
    log_in(&store, 1).unwrap();
    (folder, store)
}

/// The same and another store over that folder, as another process has it.
pub(crate) fn two_logged_in() -> (Folder, FileStore, FileStore) {
    let (folder, store) = logged_in();
    let other = FileStore::in_dir(folder.path());
    (folder, store, other)
}

/// Reads, and claims what was read.
pub(crate) fn try_claim(store: &FileStore, owner: u128) -> Result<Reply, StoreError> {
    block_on(async {
        let seen = store.load(&key()).await?;
        store.apply(&key(), claim(&seen, Owner::new(owner))).await
    })
}

pub(crate) fn is_granted(reply: &Result<Reply, StoreError>) -> bool {
    matches!(reply, Ok(Reply::Granted(_)))
}

pub(crate) fn is_busy(reply: &Result<Reply, StoreError>) -> bool {
    matches!(reply, Ok(Reply::Busy { .. }))
}

/// Stores set `n` as the successor of what is stored.
pub(crate) fn commit(store: &FileStore, n: u32) -> Result<Reply, StoreError> {
    block_on(async {
        let seen = store.load(&key()).await?;
        let entry = seen.entry.clone().unwrap_or_default();
        let presented = entry.tokens().and_then(|tokens| tokens.refresh.clone());
        let (epoch, login, over) = (entry.epoch, entry.login, entry.set);
        store.apply(&key(), op(&seen, Body::Commit { epoch, login, over, presented, next: tokens(n) })).await
    })
}

/// Whether set `n` is what is stored.
pub(crate) fn holds(store: &FileStore, n: u32) -> bool {
    let entry = block_on(store.load(&key())).unwrap().entry;
    entry.is_some_and(|entry| entry.state == EntryState::Active(tokens(n)))
}

/// What is wrong with the files.
pub(crate) fn file_error(error: &StoreError) -> &FileError {
    FileError::find(error).unwrap_or_else(|| panic!("not an error of files: {error:?}"))
}
