//! Stores that need no other crate: in memory, and over two functions of the application's.
//!
//! ```
//! use std::time::Duration;
//! use tokenflight::MemoryStore;
//! use tokenflight_core::{Now, TokenSet, store::{Body, GrantKey, Op, Store, StoredTokens}};
//!
//! # futures_util::FutureExt::now_or_never(async {
//! let store = MemoryStore::new();
//! let key = GrantKey::new("alice");
//! let tokens = TokenSet::new("access").refresh_token("refresh");
//! let tokens = Some(StoredTokens::from_set(&tokens, Duration::ZERO, None));
//! let now = Now::new(Duration::ZERO, Duration::ZERO);
//! store.apply(&key, Op::new(None, now, Body::Reset { base: None, tokens })).await?;
//! assert_eq!(store.load(&key).await?.entry.unwrap().epoch.get(), 1);
//! # Ok::<_, tokenflight_core::store::StoreError>(())
//! # }).unwrap().unwrap();
//! ```

pub(crate) mod callback;
pub(crate) mod memory;
mod turns;

pub use self::callback::Change;
pub(crate) use self::memory::MemoryStore;
