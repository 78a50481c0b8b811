//! What passes to the next: a session from driver to driver, and the store from login to login.
#![cfg(not(shuttle))]
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use futures_util::{FutureExt, StreamExt};
use tokenflight::{Driver, EntryState, Event, EventOrGap, GrantKey, Session, TokenSet};
use tokenflight_test::{
    ManualTime, MockGrant, MockStore, ModelStore,
    mock::{OpKind, Trouble},
};

const SECOND: Duration = Duration::from_secs(1);

fn session(time: &ManualTime, store: &MockStore) -> Session {
    Session::builder(MockGrant::new()).store(store.clone()).time(time.clone()).build().unwrap()
}

fn tokens() -> TokenSet {
    TokenSet::new("access-0").refresh_token("refresh-0").expires_in(300 * SECOND)
}

/// Polls until it is not awake any more.
fn goes_on(driver: &mut Driver) {
    for _ in 0..10 {
        assert!(driver.now_or_never().is_none());
    }
}

fn ends(mut driver: Driver) {
    let ended = (0..10).any(|_| (&mut driver).now_or_never().is_some());
    assert!(ended, "the driver goes on");
}

#[test]
fn a_shutdown_of_an_idle_session_wakes_and_ends_its_driver() {
    let (time, store) = (ManualTime::new(0), MockStore::new());
    let session = session(&time, &store);
    time.run(session.login(tokens())).unwrap();
    let mut driver = session.driver();
    goes_on(&mut driver);
    time.run(session.shutdown(10 * SECOND)).unwrap();
    ends(driver);
}

/// A session leaves what it owes to the driver it has; the one before must not wait for that.
#[test]
fn a_driver_that_was_replaced_ends_although_its_session_is_gone() {
    let (time, store) = (ManualTime::new(0), MockStore::new());
    let session = session(&time, &store);
    let (mut first, mut second) = (session.driver(), session.driver());
    goes_on(&mut first);
    goes_on(&mut second);
    drop(session);
    ends(first);
    ends(second);
}

#[test]
fn a_login_that_was_replaced_while_the_store_was_read_is_not_stored_over_the_logout() {
    let (time, model, key) = (ManualTime::new(0), ModelStore::new(), GrantKey::new("default"));
    let store = MockStore::before(model.clone());
    let session = session(&time, &store);
    store.gate(OpKind::Load).close();
    let (mut login, mut logout) = (pin!(session.login(tokens())), pin!(session.logout()));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(login.as_mut().poll(&mut cx).is_pending());
    assert!(logout.as_mut().poll(&mut cx).is_pending());
    store.gate(OpKind::Load).open();
    time.run(logout).unwrap();
    let _ = time.run(login);
    assert!(matches!(model.entry(&key).unwrap().state, EntryState::LoggedOut));
    assert_eq!(store.count(OpKind::Reset), 1);
}

/// Its first tokens are obtained and not stored yet: it is another login all the same.
#[test]
fn a_login_of_another_process_is_told_although_its_first_rotation_is_not_stored_yet() {
    let (time, model) = (ManualTime::new(0), ModelStore::new());
    let (theirs, ours) = (MockStore::before(model.clone()), MockStore::before(model));
    let other = session(&time, &theirs);
    let session = session(&time, &ours);
    time.run(session.logout()).unwrap();
    time.run(other.login(tokens())).unwrap();
    time.advance(300 * SECOND);
    ours.push(OpKind::Commit, Trouble::Fail);
    let mut events = session.events();
    time.run(session.reload()).unwrap();
    let first = events.next().now_or_never().flatten();
    assert!(matches!(first, Some(EventOrGap::Event(Event::LoggedIn { .. }))), "{first:?}");
}
