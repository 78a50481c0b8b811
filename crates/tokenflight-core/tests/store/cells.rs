//! A store that is made of a cell, and what can go wrong between its read and its write.

use std::{
    collections::VecDeque,
    future::ready,
    sync::{Arc, Mutex},
};

use futures_executor::block_on;
use tokenflight_core::{
    BoxFuture,
    store::{Blob, Cell, CellStore, GrantKey, Loaded, Store, StoreError, StoreErrorKind, Swap, Version, codec},
};

use crate::support::*;

/// What the next swap does.
enum Script {
    /// It is on its way, and its answer is lost.
    Late,
    /// Another writer is faster.
    Overtaken(Box<Entry>),
    /// The storage fails over while the entry is in hand.
    FailOver,
    /// It fails like this.
    Fail(StoreError),
}

#[derive(Default)]
struct Storage {
    value: Option<(OpId, Blob)>,
    incarnation: Option<Incarnation>,
    late: Option<(Version, OpId, Blob)>,
    script: VecDeque<Script>,
    broken: bool,
}

impl Storage {
    fn swap(&mut self, expected: Version, op: OpId, new: Blob) -> Swap {
        let stored = self.value.as_ref().map_or(OpId::NONE, |(op, _)| *op);
        if (Version { op: stored, incarnation: self.incarnation }) != expected {
            return Swap::Lost;
        }
        self.value = Some((op, new));
        Swap::Stored
    }
}

#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<Storage>>);

impl Cell for Scripted {
    fn load<'a>(&'a self, _: &'a GrantKey) -> BoxFuture<'a, Result<Loaded, StoreError>> {
        let storage = self.0.lock().unwrap();
        if storage.broken {
            return Box::pin(ready(Err(StoreError::unknown("cut off"))));
        }
        let mut facts = Facts::in_process();
        facts.incarnation = storage.incarnation;
        Box::pin(ready(Ok(Loaded::new(storage.value.as_ref().map(|(_, bytes)| bytes.clone()), facts))))
    }

    fn swap<'a>(
        &'a self,
        _: &'a GrantKey,
        expected: Version,
        op: OpId,
        new: Blob,
    ) -> BoxFuture<'a, Result<Swap, StoreError>> {
        let mut storage = self.0.lock().unwrap();
        // What is late arrives after the read and before the write.
        if let Some((expected, op, new)) = storage.late.take() {
            storage.swap(expected, op, new);
        }
        match storage.script.pop_front() {
            None => {}
            Some(Script::Late) => {
                storage.late = Some((expected, op, new));
                return Box::pin(ready(Err(StoreError::unknown("the answer was lost"))));
            }
            Some(Script::Overtaken(entry)) => storage.value = Some((entry.op, codec::encode(&entry))),
            Some(Script::FailOver) => storage.incarnation = Some(TWO),
            Some(Script::Fail(error)) => return Box::pin(ready(Err(error))),
        }
        Box::pin(ready(Ok(storage.swap(expected, op, new))))
    }
}

fn facts() -> Facts {
    within(ONE, Facts::in_process())
}

fn key() -> GrantKey {
    GrantKey::new("k")
}

fn scripted(script: impl IntoIterator<Item = Script>) -> CellStore<Scripted> {
    let storage = Storage { script: script.into_iter().collect(), incarnation: Some(ONE), ..Storage::default() };
    CellStore::new(Scripted(Arc::new(Mutex::new(storage))))
}

fn failed(store: &CellStore<Scripted>, op: Op) -> StoreError {
    block_on(store.apply(&key(), op)).unwrap_err()
}

#[test]
fn a_write_that_arrives_between_the_read_and_the_write_of_its_own_retry_is_done_once() {
    let store = scripted([Script::Late]);
    let login = op(&facts(), login(1));
    let error = failed(&store, login.clone());
    assert_eq!((error.kind(), error.tried()), (StoreErrorKind::Unknown, Some(&Entry::default())));
    let Reply::Stored { entry, .. } = block_on(store.apply(&key(), login.clone())).unwrap() else { panic!("refused") };
    assert_eq!((entry.epoch.get(), entry.login), (1, login.id));
}

#[test]
fn a_lost_swap_is_computed_anew_on_what_came_first() {
    let first = done(None, &facts(), login(1));
    let store = scripted([Script::Overtaken(Box::new(first))]);
    let Reply::Stored { entry, replaced } = block_on(store.apply(&key(), op(&facts(), login(2)))).unwrap() else {
        panic!("refused")
    };
    assert_eq!((entry.epoch.get(), replaced), (2, Some(tokens(1))));
}

#[test]
fn a_claim_that_was_decided_before_a_failover_is_not_granted_after_it() {
    let store = scripted([]);
    block_on(store.apply(&key(), op(&facts(), login(1)))).unwrap();
    let entry = block_on(store.load(&key())).unwrap().entry.unwrap();
    store.cell().0.lock().unwrap().script.push_back(Script::FailOver);
    let reply = block_on(store.apply(&key(), op(&facts(), claim(A, &entry)))).unwrap();
    assert_eq!(reply, Reply::Changed(entry));
}

#[test]
fn errors_say_what_is_known_of_the_effect() {
    let login = || op(&facts(), login(1));
    for kind in [StoreErrorKind::NotDone, StoreErrorKind::Unknown, StoreErrorKind::Refused] {
        let error = match kind {
            StoreErrorKind::NotDone => StoreError::not_done("x"),
            StoreErrorKind::Unknown => StoreError::unknown("x"),
            StoreErrorKind::Refused => StoreError::refused("x"),
        };
        assert_eq!(failed(&scripted([Script::Fail(error)]), login()).kind(), kind);
    }
    let broken = scripted([]);
    broken.cell().0.lock().unwrap().broken = true;
    assert_eq!(failed(&broken, login()).kind(), StoreErrorKind::NotDone, "a read writes nothing");
    let damaged = scripted([]);
    damaged.cell().0.lock().unwrap().value = Some((OpId::NONE, Blob::new(b"{\"v\":1".to_vec())));
    assert_eq!(failed(&damaged, login()).kind(), StoreErrorKind::Refused);
    assert_eq!(block_on(damaged.load(&key())).unwrap_err().kind(), StoreErrorKind::Refused);
}

#[test]
fn one_that_is_always_overtaken_gives_up_without_effect() {
    let others = (0..1_000).map(|n| Script::Overtaken(Box::new(done(None, &facts(), login(n)))));
    assert_eq!(failed(&scripted(others), op(&facts(), login(9))).kind(), StoreErrorKind::NotDone);
}
