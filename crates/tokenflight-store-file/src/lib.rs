//! A [store](tokenflight_core::store) in files: [`FileStore`].
//!
//! Any number of processes of one machine share a login. At most one living process presents its
//! refresh token, whatever the others do and however long that one is stopped; `kill -9` at any
//! moment leaves the old record or the new one, and so does a power cut, as far as the disk keeps
//! what it has synced; and copies are detected. The page
//! [`docs/several-processes.md`](https://github.com/tokenflight/tokenflight/blob/main/docs/several-processes.md)
//! in the repository says what is guaranteed, bounded and impossible, and which test shows it.
//!
//! ```
//! use tokenflight_core::store::{GrantKey, Store};
//! use tokenflight_store_file::FileStore;
//!
//! # let folder = std::env::temp_dir().join(format!("tokenflight-doc-{}", std::process::id()));
//! # futures_executor::block_on(async {
//! // In a session: `Session::builder(grant).key(key).store(store)`.
//! let store = FileStore::in_dir(&folder);
//! assert!(store.load(&GrantKey::new("alice")).await?.entry.is_none());
//! # Ok::<_, tokenflight_core::store::StoreError>(())
//! # }).unwrap();
//! # std::fs::remove_dir_all(&folder).unwrap();
//! ```
#![forbid(unsafe_code)]

// Read in this order: `store`; `place` (which files), `turn` and `lock` (who may), `record` (how a
// file is replaced), `steps` (an operation from lock to unlock), `thread` (who does them).

mod answer;
mod error;
mod lock;
mod os;
mod place;
mod record;
mod settings;
mod status;
mod steps;
mod store;
mod thread;
mod turn;

pub use self::{
    error::FileError,
    status::{Presenter, Status},
    store::FileStore,
};
