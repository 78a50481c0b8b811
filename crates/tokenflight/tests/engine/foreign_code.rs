//! The user's code and our locks.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Wake,
};

use super::{late_answers::just_answered, support::*};

/// An error whose destructor looks at the session, and begins and ends to listen to it.
pub(super) struct Nosy(pub(super) Arc<OnceLock<Session>>);

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
            look(session);
        }
    }
}

fn look(session: &Session) {
    let _ = session.state();
    assert!(poll(&mut session.events().next()).is_pending());
    assert!(poll(&mut Box::pin(session.watch().changed())).is_pending());
}

/// A waker that holds the last reference to its task, and drops it when it wakes.
#[derive(Default)]
struct DropsItsTask(Mutex<Option<Box<dyn Any + Send>>>);

impl Wake for DropsItsTask {
    fn wake(self: Arc<Self>) {
        let task = self.0.lock().unwrap().take();
        drop(task);
    }
}

/// Polls it once, with such a waker.
fn wait_once<F: Future<Output = ()> + Send + Unpin + 'static>(mut task: F) {
    let holder = Arc::new(DropsItsTask::default());
    let waker = Waker::from(Arc::clone(&holder));
    assert!(task.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    *holder.0.lock().unwrap() = Some(Box::new(task));
}

/// A waker whose destructor looks at the session.
struct LooksWhenDropped(Session);

impl Wake for LooksWhenDropped {
    fn wake(self: Arc<Self>) {}
}

impl Drop for LooksWhenDropped {
    fn drop(&mut self) {
        look(&self.0);
    }
}

/// Polls it with two such wakers, one after the other, and then drops it.
fn leave_early(session: &Session, mut task: impl Future<Output = ()> + Unpin) {
    for _ in 0..2 {
        let waker = Waker::from(Arc::new(LooksWhenDropped(session.clone())));
        assert!(task.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
    }
}

fn next_event(session: &Session) -> impl Future<Output = ()> + Send + Unpin + 'static {
    let mut events = session.events();
    Box::pin(async move { drop(events.next().await) })
}

fn next_change(session: &Session) -> impl Future<Output = ()> + Send + Unpin + 'static {
    let mut watch = session.watch();
    Box::pin(async move { drop(watch.changed().await) })
}

/// The last error's destructor looks at the session, and would deadlock.
#[test]
fn an_error_is_not_dropped_with_the_slot_locked() {
    assert_comes_back(|| {
        let (time, cell, grant) = (ManualTime::new(1), Arc::new(OnceLock::new()), MockGrant::new());
        let session = expired(&time, grant.clone(), MemoryStore::new());
        cell.set(session.clone()).unwrap();
        grant.push(Step::Fail(GrantError::not_sent(Nosy(cell))));
        drop(time.run(session.token()).unwrap_err());
        time.run(session.login(set("1"))).unwrap();
    });
}

/// A replaced flight gives its write up, and with it the store's future.
#[test]
fn a_write_is_not_dropped_with_the_slot_locked() {
    assert_comes_back(|| {
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
        let session = expired(&time, MockGrant::new(), store);
        cell.set(session.clone()).unwrap();
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
}

/// A stream of events is dropped with an event in it that no reader has read, and that holds the
/// last reference to an error.
#[test]
fn an_unread_event_is_not_dropped_with_the_events_locked() {
    assert_comes_back(|| {
        let (time, cell, grant) = (ManualTime::new(1), Arc::new(OnceLock::new()), MockGrant::new());
        let session = session(time.clone(), grant.clone(), ModelStore::new());
        cell.set(session.clone()).unwrap();
        time.run(session.login(set("0"))).unwrap();
        let events = session.events();
        time.advance(SECOND * 301);
        grant.push(Step::Fail(GrantError::not_sent(Nosy(cell))));
        drop(time.run(session.token()).unwrap_err());
        // What the session keeps of it goes.
        time.run(session.login(set("1"))).unwrap();
        time.advance(SECOND * 301);
        grant.push(Step::Fail(GrantError::not_sent("another")));
        drop(time.run(session.token()).unwrap_err());
        drop(events);
    });
}

/// The same event makes room for others.
#[test]
fn a_missed_event_is_not_dropped_with_the_events_locked() {
    assert_comes_back(|| {
        let (time, cell, grant) = (ManualTime::new(1), Arc::new(OnceLock::new()), MockGrant::new());
        let session = session(time.clone(), grant.clone(), ModelStore::new());
        cell.set(session.clone()).unwrap();
        time.run(session.login(set("0"))).unwrap();
        let _events = session.events();
        time.advance(SECOND * 301);
        grant.push(Step::Fail(GrantError::not_sent(Nosy(cell))));
        drop(time.run(session.token()).unwrap_err());
        for _ in 0..100 {
            time.run(session.login(set("1"))).unwrap();
        }
    });
}

#[test]
fn a_reader_of_events_is_not_woken_with_the_events_locked() {
    assert_comes_back(|| {
        let time = ManualTime::new(1);
        let session = session(time.clone(), MockGrant::new(), ModelStore::new());
        wait_once(next_event(&session));
        time.run(session.login(set("0"))).unwrap();
        // Nothing is told any more: the stream ends.
        wait_once(next_event(&session));
        drop(session);
    });
}

#[test]
fn a_watcher_is_not_woken_with_the_list_of_watchers_locked() {
    assert_comes_back(|| {
        let time = ManualTime::new(1);
        let session = session(time.clone(), MockGrant::new(), ModelStore::new());
        wait_once(next_change(&session));
        time.run(session.login(set("0"))).unwrap();
    });
}

#[test]
fn a_waker_of_a_listener_is_not_dropped_with_anything_locked() {
    assert_comes_back(|| {
        let session = session(ManualTime::new(1), MockGrant::new(), ModelStore::new());
        leave_early(&session, next_event(&session));
        leave_early(&session, next_change(&session));
    });
}

/// A waker that panics.
struct Fails;

impl Wake for Fails {
    fn wake(self: Arc<Self>) {
        panic!("a waker");
    }
}

/// A waker that counts.
#[derive(Default)]
struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_waker_that_panics_costs_no_other_listener_its_wake() {
    let time = ManualTime::new(1);
    let session = session(time.clone(), MockGrant::new(), ModelStore::new());
    let counts = Arc::new(Counts::default());
    let wakers = [Waker::from(Arc::new(Fails)), Waker::from(Arc::clone(&counts))];
    let mut waiting = wakers.each_ref().map(|waker| {
        let (mut event, mut change) = (next_event(&session), next_change(&session));
        assert!(event.poll_unpin(&mut Context::from_waker(waker)).is_pending());
        assert!(change.poll_unpin(&mut Context::from_waker(waker)).is_pending());
        (event, change)
    });
    time.run(session.login(set("0"))).unwrap();
    assert_eq!(counts.0.load(Ordering::SeqCst), 2);
    let (event, change) = &mut waiting[1];
    assert!(poll(event).is_ready() && poll(change).is_ready());
}

/// An error whose destructor panics, once.
struct Bursts;

impl fmt::Debug for Bursts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bursts")
    }
}

impl fmt::Display for Bursts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bursts")
    }
}

impl std::error::Error for Bursts {}

impl Drop for Bursts {
    fn drop(&mut self) {
        panic!("a destructor");
    }
}

#[test]
fn an_error_that_panics_when_it_is_dropped_costs_no_watcher_its_wake() {
    let time = ManualTime::new(1);
    let session = just_answered(&time, &Arc::default(), || StoreError::unknown(Bursts));
    // The answer is taken, and is the slot's to let go of.
    session.token().now_or_never().unwrap().unwrap();
    let counts = Arc::new(Counts::default());
    let mut change = next_change(&session);
    assert!(change.poll_unpin(&mut Context::from_waker(&Waker::from(Arc::clone(&counts)))).is_pending());
    let login = catch_unwind(AssertUnwindSafe(|| session.login(set("1")).now_or_never()));
    assert!(login.is_err(), "the destructor did not run here: {login:?}");
    assert_eq!(counts.0.load(Ordering::SeqCst), 1);
}
