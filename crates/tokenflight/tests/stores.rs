//! The stores that come with the engine.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

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
use tokenflight::{CallbackStore, MemoryStore, stores::Change, time::TokioTime};
use tokenflight_core::{
    BoxError, Now, TokenSet,
    store::{Blob, Body, GrantKey, Op, OpId, Owner, Reply, Store, StoreError, StoreErrorKind, StoredTokens, codec},
};
use tokenflight_test::{
    ManualTime,
    contract::{self, Setting, WaitingClock},
};

#[test]
fn a_memory_store_keeps_the_contract() {
    let (time, store) = (ManualTime::new(0), MemoryStore::new());
    time.run(contract::store(&store, &Setting::new()));
    time.run(contract::survives(|| store.clone(), &Setting::new()));
    assert!(store.is_private());
}

#[test]
fn a_callback_store_keeps_the_contract() {
    for mood in [Mood::Well, Mood::Slow] {
        for conditional in [false, true] {
            let (time, storage) = (ManualTime::new(0), Arc::new(Storage::default()));
            storage.becomes(mood);
            let store = if conditional { storage.conditional() } else { storage.store() };
            time.run(contract::store(&store, &Setting::new()));
            time.run(contract::survives(|| store.clone(), &Setting::new()));
            assert_eq!(store.is_private(), !conditional);
        }
    }
}

#[test]
fn two_processes_over_one_conditional_storage_are_one_store() {
    let (time, storage) = (ManualTime::new(0), Arc::new(Storage::default()));
    time.run(contract::survives(|| storage.conditional(), &Setting::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_also_judges_by_real_time_under_a_real_executor() {
    let setting = Setting::new().clock(WaitingClock(TokioTime::new())).claim_length(Duration::from_secs(1));
    let storage = Arc::new(Storage::default());
    storage.becomes(Mood::Slow);
    let (memory, callbacks) = (MemoryStore::new(), storage.store());
    tokio::join!(contract::store(&memory, &setting), contract::store(&callbacks, &setting));
}

/// A storage that can be told to fail, to hang or to be slow.
#[derive(Default)]
struct Storage {
    values: Mutex<HashMap<GrantKey, (OpId, Blob)>>,
    mood: Mutex<Mood>,
    loads: AtomicUsize,
    saves: AtomicUsize,
}

#[derive(Clone, Copy, Default)]
enum Mood {
    #[default]
    Well,
    /// Lets others have their turn before and after it writes.
    Slow,
    Full,
    /// Writes, and never says so.
    HangsAfterWriting,
    HangsBeforeWriting,
    PanicsAfterWriting,
    CannotRead,
}

impl Storage {
    fn store(self: &Arc<Self>) -> CallbackStore {
        let (loads, saves) = (Arc::clone(self), Arc::clone(self));
        CallbackStore::new(
            move |key| Arc::clone(&loads).load(key),
            move |key, value| {
                let storage = Arc::clone(&saves);
                async move { storage.save(key, None, OpId::NONE, value).await.map(drop) }
            },
        )
    }

    fn conditional(self: &Arc<Self>) -> CallbackStore {
        let (loads, saves) = (Arc::clone(self), Arc::clone(self));
        CallbackStore::conditional(
            move |key| Arc::clone(&loads).load(key),
            move |Change { key, expected, version, value, .. }| {
                let storage = Arc::clone(&saves);
                async move { storage.save(key, Some(expected), version, value).await }
            },
        )
    }

    async fn load(self: Arc<Self>, key: GrantKey) -> Result<Option<Blob>, BoxError> {
        self.loads.fetch_add(1, SeqCst);
        match self.mood() {
            Mood::CannotRead => return Err("permission denied".into()),
            Mood::Slow => yields().await,
            _ => {}
        }
        Ok(self.values.lock().unwrap().get(&key).map(|(_, value)| value.clone()))
    }

    async fn save(&self, key: GrantKey, expected: Option<OpId>, version: OpId, value: Blob) -> Result<bool, BoxError> {
        self.saves.fetch_add(1, SeqCst);
        let write = || {
            let mut values = self.values.lock().unwrap();
            let stored = values.get(&key).map_or(OpId::NONE, |(version, _)| *version);
            let fits = expected.is_none_or(|expected| expected == stored);
            if fits {
                values.insert(key, (version, value));
            }
            fits
        };
        Ok(match self.mood() {
            Mood::Well | Mood::CannotRead => write(),
            Mood::Slow => {
                yields().await;
                let stored = write();
                yields().await;
                stored
            }
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
        })
    }

    fn mood(&self) -> Mood {
        *self.mood.lock().unwrap()
    }

    fn becomes(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }
}

/// Gives others their turn, and wakes itself.
async fn yields() {
    let mut yielded = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return std::task::Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        std::task::Poll::Pending
    })
    .await;
}

const ALICE: Owner = Owner::new(1);

fn key() -> GrantKey {
    GrantKey::new("session")
}

fn tokens(name: &str) -> StoredTokens {
    let set = TokenSet::new(format!("access-{name}")).refresh_token(format!("refresh-{name}"));
    StoredTokens::from_set(&set, Duration::ZERO, None)
}

fn op(body: Body) -> Op {
    Op::new(None, Now::new(Duration::ZERO, Duration::from_secs(1_000)), body)
}

fn login() -> Op {
    op(Body::Reset { base: None, tokens: Some(tokens("one")) })
}

/// The result of something that must not wait.
fn now<T>(future: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    future.now_or_never().expect("waits for nothing")
}

/// Polls once and drops it, as a caller with a deadline would.
fn cut_off(future: impl Future) {
    assert!(pin!(future).poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

/// A storage and its store, with a login that Alice has claimed, and her commit of the successor.
fn about_to_commit() -> (Arc<Storage>, CallbackStore, Op) {
    let storage = Arc::new(Storage::default());
    let store = storage.store();
    let Reply::Stored { entry, .. } = now(store.apply(&key(), login())).unwrap() else { panic!("refused") };
    let length = Duration::from_secs(75);
    let claim = Body::Claim { owner: ALICE, seen: entry.op, length, yields: None, holder: "alice".into() };
    assert!(matches!(now(store.apply(&key(), op(claim))).unwrap(), Reply::Granted(_)));
    let presented = tokens("one").refresh;
    let (epoch, login, over) = (entry.epoch, entry.login, entry.set);
    (storage, store, op(Body::Commit { epoch, login, over, presented, next: tokens("two") }))
}

fn stored_access(store: &CallbackStore) -> String {
    let entry = now(store.load(&key())).unwrap().entry.unwrap();
    entry.tokens().unwrap().access.as_ref().unwrap().expose().to_owned()
}

#[test]
fn an_operation_loads_once_and_saves_once_if_something_changes() {
    let (storage, store, commit) = about_to_commit();
    assert_eq!((storage.loads.load(SeqCst), storage.saves.load(SeqCst)), (2, 2));
    now(store.apply(&key(), commit.clone())).unwrap();
    assert_eq!((storage.loads.load(SeqCst), storage.saves.load(SeqCst)), (3, 3));
    now(store.apply(&key(), commit)).unwrap();
    assert_eq!((storage.loads.load(SeqCst), storage.saves.load(SeqCst)), (4, 3), "it had been done");
}

#[test]
fn what_is_saved_is_the_text_of_the_codec() {
    let (storage, store, commit) = about_to_commit();
    now(store.apply(&key(), commit)).unwrap();
    let (_, value) = storage.values.lock().unwrap()[&key()].clone();
    assert_eq!(codec::decode(value.expose()).unwrap().tokens(), Some(&tokens("two")));
}

#[test]
fn a_failed_save_is_unknown_and_can_be_repeated() {
    let (storage, store, commit) = about_to_commit();
    storage.becomes(Mood::Full);
    let error = now(store.apply(&key(), commit.clone())).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown);
    assert_eq!(error.tried().unwrap().tokens(), Some(&tokens("one")), "what the try was computed on");
    assert_eq!(stored_access(&store), "access-one");
    storage.becomes(Mood::Well);
    assert!(matches!(now(store.apply(&key(), commit)).unwrap(), Reply::Stored { .. }));
    assert_eq!(stored_access(&store), "access-two");
}

#[test]
fn a_failed_load_is_not_done_and_a_damaged_value_is_refused_and_kept() {
    let (storage, store, commit) = about_to_commit();
    storage.becomes(Mood::CannotRead);
    assert_eq!(now(store.apply(&key(), commit.clone())).unwrap_err().kind(), StoreErrorKind::NotDone);
    storage.becomes(Mood::Well);
    let damaged = Blob::new(b"{\"v\":1,".to_vec());
    storage.values.lock().unwrap().insert(key(), (OpId::NONE, damaged.clone()));
    assert_eq!(now(store.apply(&key(), commit)).unwrap_err().kind(), StoreErrorKind::Refused);
    assert_eq!(storage.values.lock().unwrap()[&key()].1, damaged);
}

#[test]
fn a_commit_that_was_cut_off_is_found_done_or_done_again() {
    for (mood, seen) in [(Mood::HangsAfterWriting, "access-two"), (Mood::HangsBeforeWriting, "access-one")] {
        let (storage, store, commit) = about_to_commit();
        storage.becomes(mood);
        cut_off(store.apply(&key(), commit.clone()));
        storage.becomes(Mood::Well);
        assert_eq!(stored_access(&store), seen);
        let Reply::Stored { entry, .. } = now(store.apply(&key(), commit)).unwrap() else { panic!("refused") };
        assert_eq!(entry.rotation, 2, "the login and one commit");
    }
}

#[test]
fn a_panic_of_the_storage_is_an_error_and_leaves_a_store_that_works() {
    for conditional in [false, true] {
        let storage = Arc::new(Storage::default());
        let store = if conditional { storage.conditional() } else { storage.store() };
        storage.becomes(Mood::PanicsAfterWriting);
        let login = login();
        let error = now(store.apply(&key(), login.clone())).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unknown);
        storage.becomes(Mood::Well);
        let Reply::Stored { entry, .. } = now(store.apply(&key(), login)).unwrap() else { panic!("refused") };
        assert_eq!(entry.epoch.get(), 1, "it was done once");
    }
}

#[test]
fn an_operation_that_is_not_polled_any_more_blocks_no_other() {
    let (storage, store, commit) = about_to_commit();
    storage.becomes(Mood::Slow);
    let key = key();
    let mut paused = store.apply(&key, commit);
    assert!((&mut paused).now_or_never().is_none(), "it has begun");
    let logout = op(Body::Reset { base: None, tokens: None });
    let reply = ManualTime::new(0).run(store.apply(&key, logout)).unwrap();
    let Reply::Stored { entry, replaced } = reply else { panic!("refused") };
    assert_eq!((entry.rotation, replaced), (3, Some(tokens("two"))), "the commit was carried to its end first");
    assert!(matches!(paused.now_or_never(), Some(Ok(Reply::Stored { .. }))), "and its caller is told");
}

#[test]
fn operations_on_one_key_wait_for_each_other_and_other_keys_do_not() {
    let (storage, store, commit) = about_to_commit();
    storage.becomes(Mood::HangsBeforeWriting);
    let (key, other) = (key(), GrantKey::new("other"));
    let mut hanging = store.apply(&key, commit);
    assert!((&mut hanging).now_or_never().is_none());
    storage.becomes(Mood::Well);
    let mut waiting = store.apply(&key, op(Body::Reset { base: None, tokens: None }));
    assert!((&mut waiting).now_or_never().is_none());
    assert!(now(store.apply(&other, login())).is_ok());
    assert_eq!(stored_access(&store), "access-one", "reading waits for nothing");
    drop(hanging);
    let Reply::Stored { replaced, .. } = now(waiting).unwrap() else { panic!("refused") };
    assert_eq!(replaced, Some(tokens("one")), "what was dropped is not carried on");
}

#[test]
fn a_waiting_operation_is_woken_when_the_one_before_it_is_dropped() {
    let (storage, store, commit) = about_to_commit();
    storage.becomes(Mood::HangsBeforeWriting);
    let key = key();
    let mut hanging = Some(store.apply(&key, commit));
    assert!(hanging.as_mut().unwrap().now_or_never().is_none());
    storage.becomes(Mood::Well);
    let mut waiting = store.apply(&key, op(Body::Reset { base: None, tokens: None }));
    // Executors poll what was woken and nothing else.
    let both = std::future::poll_fn(|cx| {
        let polled = waiting.poll_unpin(cx);
        drop(hanging.take());
        polled
    });
    assert!(ManualTime::new(0).run(both).is_ok());
}

#[test]
fn debug_and_errors_show_no_token() {
    let (storage, store, commit) = about_to_commit();
    let memory = MemoryStore::new();
    now(memory.apply(&key(), login())).unwrap();
    storage.becomes(Mood::Full);
    let error = now(store.apply(&key(), commit.clone())).unwrap_err();
    let value = storage.values.lock().unwrap()[&key()].1.clone();
    let seen = format!("{store:?} {memory:?} {error:?} {error} {commit:?} {value:?}");
    assert!(!seen.contains("access-") && !seen.contains("refresh-"), "{seen}");
}
