//! A login or logout that another one has replaced while it was being stored, and the last handle.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt;
use tokenflight::{BoxFuture, Driver, Event, GrantKey, Session, Store};
use tokenflight_core::store::{Op, Reply, Seen, StoreError};
use tokenflight_test::{
    ManualTime, MockGrant, MockStore, ModelStore,
    mock::{OpKind, Trouble},
};

use crate::around::{SECOND, driven, poll, set, stored_in};

/// A store whose reads take so long, one after the other, and no time after that.
#[derive(Clone)]
struct SlowReads(ModelStore, ManualTime, Arc<Mutex<VecDeque<Duration>>>);

impl Store for SlowReads {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        let time = self.2.lock().unwrap().pop_front().unwrap_or_default();
        Box::pin(async move {
            tokenflight::Time::sleep(&self.1, time).await;
            self.0.load(key).await
        })
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        self.0.apply(key, op)
    }
}

/// A session and its driver; the next read of the store takes two seconds.
fn slow_read() -> (ManualTime, ModelStore, Session, Driver) {
    let (time, model) = (ManualTime::new(9), ModelStore::new());
    let store = SlowReads(model.clone(), time.clone(), Arc::default());
    let session = Session::builder(MockGrant::new()).store(store.clone()).time(time.clone()).build().unwrap();
    time.run(session.login(set("0"))).unwrap();
    let mut driver = session.driver();
    assert!(poll(&mut driver).is_pending());
    store.2.lock().unwrap().push_back(SECOND * 2);
    (time, model, session, driver)
}

/// Bob logs in while what came before reads the store; then the last handle goes.
fn bob_logs_in(time: &ManualTime, model: &ModelStore, session: Session, driver: Driver) {
    time.run(session.login(set("bob"))).unwrap();
    assert_eq!(stored_in(model).as_deref(), Some("refresh-bob"));
    drop(session);
    time.run(driver);
    assert_eq!(stored_in(model).as_deref(), Some("refresh-bob"));
}

#[test]
fn a_login_that_reads_the_store_slowly_does_not_undo_a_later_login_after_the_last_handle() {
    let (time, model, session, driver) = slow_read();
    assert!(session.login(set("alice")).now_or_never().is_none());
    bob_logs_in(&time, &model, session, driver);
}

#[test]
fn a_logout_that_reads_the_store_slowly_does_not_undo_a_later_login_after_the_last_handle() {
    let (time, model, session, driver) = slow_read();
    assert!(session.logout().now_or_never().is_none());
    bob_logs_in(&time, &model, session, driver);
}

/// Nothing was ever read, and the store fails for a moment.
#[test]
fn a_login_that_failed_and_was_replaced_is_not_tried_again_after_the_last_handle() {
    let (time, model) = (ManualTime::new(5), ModelStore::new());
    let store = MockStore::before(model.clone());
    let session = Session::builder(MockGrant::new()).store(store.clone()).time(time.clone()).build().unwrap();
    let mut driver = session.driver();
    store.push(OpKind::Load, Trouble::Fail); // The driver's.
    assert!(poll(&mut driver).is_pending() && poll(&mut driver).is_pending());
    store.push(OpKind::Load, Trouble::Fail); // Alice's.
    store.gate(OpKind::Reset).close();
    store.push(OpKind::Reset, Trouble::Fail);
    assert!(session.login(set("alice")).now_or_never().is_none());
    assert_eq!(store.gate(OpKind::Reset).parked(), 1);
    assert!(poll(&mut Box::pin(session.login(set("bob")))).is_pending());
    drop(session);
    store.gate(OpKind::Reset).open();
    time.run(driver);
    assert_eq!(stored_in(&model).as_deref(), Some("refresh-bob"), "{:?}", store.log());
}

#[test]
fn a_login_that_was_replaced_is_told_as_overtaken_once() {
    let (around, session, mut driver) = driven();
    around.store.push(OpKind::Reset, Trouble::Fail);
    assert!(around.time.run(session.login(set("alice"))).is_err());
    around.store.gate(OpKind::Reset).close();
    around.time.advance(SECOND);
    assert!(poll(&mut driver).is_pending());
    assert_eq!(around.store.gate(OpKind::Reset).parked(), 1);
    assert!(poll(&mut Box::pin(session.login(set("bob")))).is_pending());
    drop(session);
    around.store.gate(OpKind::Reset).open();
    around.time.run(driver);
    let told = around.told();
    let unpersisted = told.iter().filter(|event| matches!(event, Event::Unpersisted { .. })).count();
    let answers =
        told.iter().filter(|event| matches!(event, Event::Overtaken { .. } | Event::Persisted { .. })).count();
    assert_eq!((unpersisted, answers), (1, 1), "{told:?}");
}
