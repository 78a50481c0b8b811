//! The stores of the engine: the contract of every store, and what `CallbackStore` promises beyond it when the user's
//! storage fails, hangs or is interrupted.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

use std::{
    collections::HashMap,
    future::Future,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Waker},
    time::Duration,
};

use futures_util::FutureExt;
use tokenflight::{CallbackStore, MemoryStore};
use tokenflight_core::{
    BoxError, Epoch, Generation, Now, Store, TokenSet,
    lease::{
        Claim, Commit, GrantKey, Lease, Owner, Record, RecordState, Reset, Settle, StoreError, StoredTokens, Write,
    },
};
use tokenflight_test::{
    ManualTime,
    contract::{self, store::Setting},
};

#[test]
fn a_memory_store_keeps_the_contract() {
    ManualTime::new(0).run(contract::store::all(MemoryStore::new));
}

#[test]
fn clones_of_a_memory_store_are_one_store() {
    let (time, store) = (ManualTime::new(0), MemoryStore::new());
    time.run(contract::store::all(|| store.clone()));
    time.run(contract::store::survives(|| store.clone(), &Setting::new()));
}

#[test]
fn a_callback_store_keeps_the_contract() {
    ManualTime::new(0).run(contract::store::all(|| Arc::new(Storage::default()).store()));
}

#[test]
fn clones_of_a_callback_store_are_one_store() {
    let (time, store) = (ManualTime::new(0), Arc::new(Storage::default()).store());
    time.run(contract::store::all(|| store.clone()));
    time.run(contract::store::survives(|| store.clone(), &Setting::new()));
}

/// A storage that can be told to fail or to hang, before or after it has written.
#[derive(Default)]
struct Storage {
    records: Mutex<HashMap<GrantKey, Record>>,
    mood: Mutex<Mood>,
    loads: AtomicUsize,
    saves: AtomicUsize,
}

#[derive(Clone, Copy, Default)]
enum Mood {
    #[default]
    Well,
    Full,
    /// Writes, and never says so.
    HangsAfterWriting,
    HangsBeforeWriting,
    PanicsAfterWriting,
}

impl Storage {
    fn store(self: &Arc<Self>) -> CallbackStore {
        let (loads, saves) = (Arc::clone(self), Arc::clone(self));
        CallbackStore::new(
            move |key| {
                let storage = Arc::clone(&loads);
                async move {
                    storage.loads.fetch_add(1, SeqCst);
                    Ok::<_, BoxError>(storage.records.lock().unwrap().get(&key).cloned())
                }
            },
            move |key, record| {
                let storage = Arc::clone(&saves);
                async move { storage.save(key, record).await }
            },
        )
    }

    async fn save(&self, key: GrantKey, record: Record) -> Result<(), BoxError> {
        self.saves.fetch_add(1, SeqCst);
        let write = || self.records.lock().unwrap().insert(key, record);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Well => drop(write()),
            Mood::Full => return Err("no space left".into()),
            Mood::HangsBeforeWriting => std::future::pending().await,
            Mood::HangsAfterWriting => {
                write();
                std::future::pending().await
            }
            Mood::PanicsAfterWriting => {
                write();
                panic!("the storage fell over");
            }
        }
        Ok(())
    }

    fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

const ALICE: Owner = Owner::new(1);
const BOB: Owner = Owner::new(2);

fn key() -> GrantKey {
    GrantKey::new("session")
}

fn tokens(name: &str) -> StoredTokens {
    let set = TokenSet::new(format!("access-{name}")).refresh_token(format!("refresh-{name}"));
    StoredTokens::from_set(&set, Duration::ZERO, None)
}

fn claim(owner: Owner) -> Claim {
    Claim::new(owner, Duration::from_secs(75), Now::new(Duration::ZERO, Duration::from_secs(1_000)))
}

fn login() -> Reset {
    Reset::new(Epoch::new(1), Generation::new(1), Some(tokens("one")))
}

fn commit(owner: Owner) -> Commit {
    let presented = tokens("one").refresh;
    Commit::new(owner, Epoch::new(1), Generation::new(2), presented, tokens("two"))
}

/// The result of something that must not wait.
fn now<T>(future: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    future.now_or_never().expect("waits for nothing")
}

/// Polls once and drops it, as a caller with a deadline would.
fn cut_off(future: impl Future) {
    assert!(pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

/// A store with a login in it and Alice about to present its refresh token.
fn about_to_present(storage: &Arc<Storage>) -> CallbackStore {
    let store = storage.store();
    now(store.reset(&key(), login())).unwrap();
    assert!(matches!(now(store.lease(&key(), claim(ALICE))).unwrap(), Lease::Granted(Some(_))));
    assert!(now(store.intend(&key(), ALICE)).unwrap());
    store
}

fn stored_access(store: &CallbackStore) -> String {
    let record = now(store.load(&key())).unwrap().unwrap();
    record.tokens().unwrap().access.expose().to_owned()
}

#[test]
fn a_record_is_loaded_once_and_saved_only_when_it_changes() {
    let storage = Arc::new(Storage::default());
    let store = about_to_present(&storage);
    assert_eq!(storage.saves.load(SeqCst), 2, "the login and the intent; a lease is not stored");
    now(store.settle(&key(), ALICE, Settle::Untouched)).unwrap();
    now(store.settle(&key(), ALICE, Settle::Untouched)).unwrap();
    assert_eq!(storage.saves.load(SeqCst), 3);
    for _ in 0..10 {
        now(store.load(&key())).unwrap();
    }
    assert_eq!(storage.loads.load(SeqCst), 1);
}

#[test]
fn another_process_after_a_crash_finds_the_tokens_and_the_intent() {
    let storage = Arc::new(Storage::default());
    drop(about_to_present(&storage));
    let store = storage.store();
    assert!(matches!(
        now(store.lease(&key(), claim(BOB))).unwrap(),
        Lease::Busy { retry_after: Some(wait) } if wait == Duration::from_secs(75)
    ));
    assert_eq!(stored_access(&store), "access-one");
}

#[test]
fn a_failed_save_changes_nothing_and_can_be_repeated() {
    let storage = Arc::new(Storage::default());
    let store = about_to_present(&storage);
    storage.becomes(Mood::Full);
    assert!(now(store.commit(&key(), commit(ALICE))).is_err());
    assert_eq!(stored_access(&store), "access-one");
    assert!(
        matches!(now(store.lease(&key(), claim(BOB))).unwrap(), Lease::Busy { .. }),
        "the commit that failed did not release the lease"
    );
    storage.becomes(Mood::Well);
    assert!(matches!(now(store.commit(&key(), commit(ALICE))).unwrap(), Write::Stored(g) if g == Generation::new(2)));
    assert_eq!(stored_access(&store), "access-two");
}

#[test]
fn a_failed_intent_forbids_to_present() {
    let storage = Arc::new(Storage::default());
    let store = storage.store();
    now(store.reset(&key(), login())).unwrap();
    now(store.lease(&key(), claim(ALICE))).unwrap();
    storage.becomes(Mood::Full);
    assert!(now(store.intend(&key(), ALICE)).is_err());
    assert_eq!(now(store.load(&key())).unwrap().unwrap().intent, None);
}

#[test]
fn a_commit_that_was_cut_off_after_the_write_is_seen() {
    let storage = Arc::new(Storage::default());
    let store = about_to_present(&storage);
    storage.becomes(Mood::HangsAfterWriting);
    cut_off(store.commit(&key(), commit(ALICE)));
    storage.becomes(Mood::Well);
    assert_eq!(stored_access(&store), "access-two");
}

#[test]
fn a_commit_that_was_cut_off_before_the_write_can_be_repeated_under_the_same_lease() {
    let storage = Arc::new(Storage::default());
    let store = about_to_present(&storage);
    storage.becomes(Mood::HangsBeforeWriting);
    cut_off(store.commit(&key(), commit(ALICE)));
    storage.becomes(Mood::Well);
    assert_eq!(stored_access(&store), "access-one");
    assert!(matches!(now(store.lease(&key(), claim(BOB))).unwrap(), Lease::Busy { .. }));
    assert!(matches!(now(store.commit(&key(), commit(ALICE))).unwrap(), Write::Stored(_)));
}

#[test]
fn a_panic_of_the_storage_leaves_a_store_that_works() {
    let storage = Arc::new(Storage::default());
    let store = about_to_present(&storage);
    storage.becomes(Mood::PanicsAfterWriting);
    let commit = std::panic::AssertUnwindSafe(|| drop(now(store.commit(&key(), commit(ALICE)))));
    assert!(std::panic::catch_unwind(commit).is_err());
    storage.becomes(Mood::Well);
    assert_eq!(stored_access(&store), "access-two");
}

#[test]
fn operations_on_one_key_wait_for_each_other_and_other_keys_do_not() {
    let storage = Arc::new(Storage::default());
    let store = about_to_present(&storage);
    storage.becomes(Mood::HangsBeforeWriting);
    let (key, other) = (key(), GrantKey::new("other"));
    let mut hanging = store.commit(&key, commit(ALICE));
    assert!(hanging.as_mut().now_or_never().is_none());
    let mut waiting = store.load(&key);
    assert!(waiting.as_mut().now_or_never().is_none());
    assert!(now(store.load(&other)).unwrap().is_none());
    drop(hanging);
    let record = now(waiting).unwrap().unwrap();
    assert!(matches!(record.state, RecordState::Active(tokens) if tokens.access.expose() == "access-one"));
}

#[test]
fn debug_and_errors_show_no_token() {
    let storage = Arc::new(Storage::default());
    let store = about_to_present(&storage);
    storage.becomes(Mood::Full);
    let error = now(store.commit(&key(), commit(ALICE))).unwrap_err();
    let seen = format!("{store:?} {error:?} {error}");
    assert!(!seen.contains("access-") && !seen.contains("refresh-"), "{seen}");
}
