//! The user's code and our locks.

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
