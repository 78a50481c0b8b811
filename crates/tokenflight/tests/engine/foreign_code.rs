//! The user's code and our locks.

use tokio::sync::oneshot;

use super::support::*;

/// An error whose destructor looks at the session.
struct Nosy(Arc<OnceLock<Session>>);

impl fmt::Debug for Nosy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Nosy")
    }
}

impl fmt::Display for Nosy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nosy")
    }
}

impl std::error::Error for Nosy {}

impl Drop for Nosy {
    fn drop(&mut self) {
        if let Some(session) = self.0.get() {
            let _ = session.state();
        }
    }
}

/// The last error is dropped with the slot locked: a destructor that looks at the session deadlocks.
#[test]
fn an_error_is_not_dropped_with_the_slot_locked() {
    let done = within(SECOND * 5, || {
        let (time, cell, grant) = (ManualTime::new(1), Arc::new(OnceLock::new()), MockGrant::new());
        let session = session(time.clone(), grant.clone(), MemoryStore::new());
        cell.set(session.clone()).unwrap();
        time.run(session.login(set("0"))).unwrap();
        time.advance(SECOND * 301);
        grant.push(Step::Fail(GrantError::not_sent(Nosy(cell))));
        drop(time.run(session.token()).unwrap_err());
        time.run(session.login(set("1"))).unwrap();
    });
    assert!(done.is_some(), "a deadlock");
}

/// The store's future is dropped with the slot locked, when a flight that has been replaced gives its write up.
#[test]
fn a_write_is_not_dropped_with_the_slot_locked() {
    let done = within(SECOND * 5, || {
        let (time, cell) = (ManualTime::new(1), Arc::new(OnceLock::<Session>::new()));
        let armed = Arc::new(AtomicBool::new(false));
        let (arm, mine) = (Arc::clone(&armed), Arc::clone(&cell));
        let store = Before(ModelStore::new(), move |kind| {
            let nosy = (kind == OpKind::Commit && arm.load(Ordering::SeqCst)).then(|| Nosy(Arc::clone(&mine)));
            async move {
                if let Some(_nosy) = nosy {
                    pending::<()>().await;
                }
            }
            .boxed()
        });
        let session = session(time.clone(), MockGrant::new(), store);
        cell.set(session.clone()).unwrap();
        time.run(session.login(set("0"))).unwrap();
        time.advance(SECOND * 301);
        armed.store(true, Ordering::SeqCst);
        let mut driver = session.driver();
        let mut token = Box::pin(session.token());
        assert!(poll(&mut token).is_pending());
        let _ = poll(&mut driver);
        armed.store(false, Ordering::SeqCst);
        time.run(session.login(set("1"))).unwrap();
        for _ in 0..60 {
            time.advance(SECOND);
            let _ = poll(&mut driver);
        }
    });
    assert!(done.is_some(), "a deadlock");
}

/// A store whose commits are answered when they are let go, with an error whose destructor looks at the session.
struct Late(ModelStore, Arc<OnceLock<Session>>, Mutex<Option<oneshot::Receiver<()>>>);

impl Store for Late {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        self.0.load(key)
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        let held = matches!(op.body, Body::Commit { .. }).then(|| self.2.lock().unwrap().take()).flatten();
        let Some(held) = held else { return self.0.apply(key, op) };
        Box::pin(async move {
            let _ = held.await;
            Err(StoreError::unknown(Nosy(Arc::clone(&self.1))))
        })
    }
}

/// An answer of the store that came too late for its refresh is forgotten at the next login.
#[test]
fn a_late_answer_of_the_store_is_not_dropped_with_the_slot_locked() {
    let done = within(SECOND * 5, || {
        let (time, cell) = (ManualTime::new(1), Arc::new(OnceLock::<Session>::new()));
        let (answer, held) = oneshot::channel();
        let store = Late(ModelStore::new(), Arc::clone(&cell), Mutex::new(Some(held)));
        let session = session(time.clone(), MockGrant::new(), store);
        cell.set(session.clone()).unwrap();
        time.run(session.login(set("0"))).unwrap();
        time.advance(SECOND * 301);
        let mut token = Box::pin(session.token());
        assert!(poll(&mut token).is_pending());
        time.advance(SECOND * 11);
        assert!(poll(&mut token).is_ready(), "a token that is not stored yet is served");
        answer.send(()).unwrap();
        for _ in 0..60 {
            time.advance(SECOND);
            time.run(session.token()).unwrap();
        }
        assert!(!session.state().unsaved);
        time.run(session.login(set("1"))).unwrap();
    });
    assert!(done.is_some(), "a deadlock");
}

/// A refresh fails after another login has begun: nothing of it counts, and its failure is forgotten.
#[test]
fn the_failure_of_an_earlier_login_is_not_dropped_with_the_slot_locked() {
    let done = within(SECOND * 5, || {
        let (time, cell, grant) = (ManualTime::new(1), Arc::new(OnceLock::new()), MockGrant::new());
        let session = session(time.clone(), grant.clone(), ModelStore::new());
        cell.set(session.clone()).unwrap();
        time.run(session.login(set("0"))).unwrap();
        time.advance(SECOND * 301);
        grant.push(Step::Fail(GrantError::ambiguous(Nosy(cell))));
        grant.gate().close();
        let mut driver = session.driver();
        let mut token = Box::pin(session.token());
        assert!(poll(&mut token).is_pending());
        time.run(session.login(set("1"))).unwrap();
        drop(token);
        grant.gate().open();
        for _ in 0..20 {
            let _ = poll(&mut driver);
            time.advance(SECOND);
        }
        assert_eq!(grant.count(), 1);
    });
    assert!(done.is_some(), "a deadlock");
}

/// The store's error about a rotation that came in an answer of no use, while there is another login.
#[test]
fn a_failure_to_store_of_an_earlier_login_is_not_dropped_with_the_slot_locked() {
    struct Failing(ModelStore, Arc<OnceLock<Session>>);
    impl Store for Failing {
        fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
            self.0.load(key)
        }

        fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
            if !matches!(op.body, Body::Commit { .. }) {
                return self.0.apply(key, op);
            }
            Box::pin(async move {
                let session = self.1.get().unwrap().clone();
                let _ = session.login(set("next")).now_or_never();
                Err(StoreError::not_done(Nosy(Arc::clone(&self.1))))
            })
        }
    }
    let done = within(SECOND * 5, || {
        let (time, cell, grant) = (ManualTime::new(1), Arc::new(OnceLock::new()), MockGrant::new());
        let session = session(time.clone(), grant.clone(), Failing(ModelStore::new(), Arc::clone(&cell)));
        cell.set(session.clone()).unwrap();
        time.run(session.login(set("0"))).unwrap();
        time.advance(SECOND * 301);
        grant.push(Step::Fail(GrantError::config("unusable").rotated(RefreshToken::new("refresh-1"))));
        let _ = time.run(session.token());
    });
    assert!(done.is_some());
}
