//! Answers of the store that come late, and what they hold.

use tokio::sync::oneshot;

use super::{foreign_code::Nosy, support::*};

/// A store whose first commit is answered when it is let go, with such an error.
struct Late<F>(ModelStore, F, Mutex<Option<oneshot::Receiver<()>>>);

impl<F: Fn() -> StoreError + Send + Sync + 'static> Store for Late<F> {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        self.0.load(key)
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        let held = matches!(op.body, Body::Commit { .. }).then(|| self.2.lock().unwrap().take()).flatten();
        let Some(held) = held else { return self.0.apply(key, op) };
        Box::pin(async move {
            let _ = held.await;
            Err((self.1)())
        })
    }
}

/// A session that serves a token, and that an answer of the store has reached too late for its
/// refresh: it is forgotten at the next login.
fn answered_late(
    time: &ManualTime,
    cell: &Arc<OnceLock<Session>>,
    error: impl Fn() -> StoreError + Send + Sync + 'static,
) -> Session {
    let session = just_answered(time, cell, error);
    for _ in 0..60 {
        time.advance(SECOND);
        time.run(session.token()).unwrap();
    }
    assert!(!session.state().unsaved);
    session
}

/// As [`answered_late`], and nothing has been done since.
pub(super) fn just_answered(
    time: &ManualTime,
    cell: &Arc<OnceLock<Session>>,
    error: impl Fn() -> StoreError + Send + Sync + 'static,
) -> Session {
    let (answer, held) = oneshot::channel();
    let store = Late(ModelStore::new(), error, Mutex::new(Some(held)));
    let session = expired(time, MockGrant::new(), store);
    cell.set(session.clone()).unwrap();
    let mut token = Box::pin(session.token());
    assert!(poll(&mut token).is_pending());
    time.advance(SECOND * 11);
    assert!(poll(&mut token).is_ready(), "a token that is not stored yet is served");
    drop(token);
    answer.send(()).unwrap();
    session
}

#[test]
fn a_late_answer_of_the_store_is_not_dropped_with_the_slot_locked() {
    assert_comes_back(|| {
        let (time, cell) = (ManualTime::new(1), Arc::new(OnceLock::<Session>::new()));
        let nosy = Arc::clone(&cell);
        let session = answered_late(&time, &cell, move || StoreError::unknown(Nosy(Arc::clone(&nosy))));
        time.run(session.login(set("1"))).unwrap();
    });
}

/// A refresh fails after another login began: nothing of it counts, and its failure is forgotten.
#[test]
fn the_failure_of_an_earlier_login_is_not_dropped_with_the_slot_locked() {
    assert_comes_back(|| {
        let (time, cell, grant) = (ManualTime::new(1), Arc::new(OnceLock::new()), MockGrant::new());
        let session = expired(&time, grant.clone(), ModelStore::new());
        cell.set(session.clone()).unwrap();
        grant.push(Step::Fail(GrantError::ambiguous(Nosy(cell))));
        grant.gate().close();
        let mut driver = session.driver();
        let mut token = Box::pin(session.token());
        assert!(poll(&mut token).is_pending());
        time.run(session.login(set("1"))).unwrap();
        drop(token);
        grant.gate().open();
        drive(&mut driver, &time, 20, SECOND);
        assert_eq!(grant.count(), 1);
    });
}

/// The store's error about a rotation that came in a useless answer, while there is another login.
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
    assert_comes_back(|| {
        let (time, cell, grant) = (ManualTime::new(1), Arc::new(OnceLock::new()), MockGrant::new());
        let session = expired(&time, grant.clone(), Failing(ModelStore::new(), Arc::clone(&cell)));
        cell.set(session.clone()).unwrap();
        grant.push(Step::Fail(GrantError::config("unusable").rotated(RefreshToken::new("refresh-1"))));
        let _ = time.run(session.token());
    });
}

/// A store with one connection, which an operation holds until it is answered or dropped.
struct Pool(MockStore, tokio::sync::Semaphore);

impl Store for Pool {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(async move {
            let _connection = self.1.acquire().await.unwrap();
            self.0.load(key).await
        })
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        Box::pin(async move {
            let _connection = self.1.acquire().await.unwrap();
            self.0.apply(key, op).await
        })
    }
}

/// There is no driver: later callers take the operation to its end.
#[test]
fn an_operation_that_is_answered_late_does_not_keep_the_only_connection() {
    let (time, mock) = (ManualTime::new(5), MockStore::new());
    let store = Pool(mock.clone(), tokio::sync::Semaphore::new(1));
    let session = session(time.clone(), MockGrant::new(), store);
    time.run(session.login(set("0"))).unwrap();
    time.advance(SECOND * 301);
    mock.gate(OpKind::Claim).close();
    time.run(session.token()).unwrap_err();
    mock.gate(OpKind::Claim).open();
    let obtained = (0..3).any(|_| {
        time.advance(SECOND * 60);
        time.run(session.token()).is_ok()
    });
    assert!(obtained, "three minutes after the store has recovered");
}
