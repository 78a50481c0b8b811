//! What the last handle leaves, and what is told of it.

use tokenflight::Event;
use tokenflight_test::mock::Fate;

use crate::fixture::*;

/// A driver that was spawned and whose task has not run yet.
#[test]
fn what_the_last_handle_leaves_reaches_a_driver_that_was_not_polled_yet() {
    let (around, session) = around();
    let driver = session.driver();
    around.store.gate(OpKind::Reset).close();
    assert!(session.login(set("next")).now_or_never().is_none());
    drop(session);
    around.store.gate(OpKind::Reset).open();
    around.time.run(driver);
    assert_eq!(around.stored().as_deref(), Some("refresh-next"), "{:?}", around.told());
}

/// Neither was polled yet when the last handle went, and only the first one ever is.
#[test]
fn of_two_drivers_the_one_that_is_polled_stores_what_the_last_handle_leaves() {
    let (around, session) = around();
    let (polled, other) = (session.driver(), session.driver());
    around.store.gate(OpKind::Reset).close();
    assert!(session.login(set("next")).now_or_never().is_none());
    drop(session);
    around.store.gate(OpKind::Reset).open();
    around.time.run(polled);
    drop(other);
    assert_eq!(around.stored().as_deref(), Some("refresh-next"), "{:?}", around.told());
    assert!(!around.told().iter().any(|event| matches!(event, Event::Abandoned)), "{:?}", around.told());
}

/// It tells that it could not be stored, and then the last handle goes.
#[test]
fn what_run_until_could_not_store_is_told_to_be_abandoned_once() {
    let (around, session) = around();
    around.store.set_down(true);
    around.time.run(session.run_until(SECOND * 5, async {
        assert!(session.login(set("next")).await.is_err());
    }));
    drop(session);
    let abandoned = around.told().iter().filter(|event| matches!(event, Event::Abandoned)).count();
    assert_eq!(abandoned, 1, "{:?}", around.told());
}

/// The driver tries for a while to store what the session left, and gives up in silence.
#[test]
fn what_a_driver_could_not_store_for_a_session_that_is_gone_is_told() {
    let (around, session, driver) = driven();
    around.store.set_down(true);
    assert!(session.logout().now_or_never().is_some());
    drop(session);
    around.time.run(driver);
    assert!(around.told().iter().any(|event| matches!(event, Event::Unpersisted { .. })));
    assert!(around.told().iter().any(|event| matches!(event, Event::Abandoned)), "{:?}", around.told());
}

/// And what it did store is told too: a question was raised.
#[test]
fn what_a_driver_stores_for_a_session_that_is_gone_is_told() {
    let (around, session, mut driver) = driven();
    around.store.set_down(true);
    assert!(session.logout().now_or_never().is_some());
    drop(session);
    let _ = poll(&mut driver);
    around.store.set_down(false);
    around.time.run(driver);
    assert_eq!(around.stored(), None);
    assert!(around.told().iter().any(|event| matches!(event, Event::Unpersisted { .. })));
    assert!(around.told().iter().any(|event| matches!(event, Event::Persisted { .. })), "{:?}", around.told());
}

/// The runtime that has the driver goes.
#[test]
fn what_a_driver_carries_for_a_session_that_is_gone_is_told_when_the_driver_is_dropped() {
    let (around, session, mut driver) = driven();
    around.store.gate(OpKind::Reset).close();
    assert!(session.logout().now_or_never().is_none());
    drop(session);
    assert!(poll(&mut driver).is_pending());
    drop(driver);
    assert!(around.told().iter().any(|event| matches!(event, Event::Abandoned)), "{:?}", around.told());
}

/// The last handle has gone, and the store takes longer than its limit to answer.
#[test]
fn the_future_of_a_commit_is_not_dropped_before_it_has_settled_although_the_last_handle_has_gone() {
    let (around, session, mut driver) = driven();
    around.store.gate(OpKind::Commit).close();
    assert!(session.refresh().now_or_never().is_none());
    assert!(poll(&mut driver).is_pending());
    drop(session);
    around.drive(&mut driver, 12, SECOND);
    let fates: Vec<_> =
        around.store.log().into_iter().filter(|call| call.kind == OpKind::Commit).map(|call| call.fate).collect();
    assert!(!fates.contains(&Fate::Dropped), "{fates:?}");
}

/// The last handle goes while a refresh waits for another holder's claim: there is nothing to
/// obtain a token for any more.
#[test]
fn a_refresh_that_waits_for_a_claim_ends_with_the_last_handle() {
    let (around, session) = around();
    let stuck = MockGrant::new();
    stuck.gate().close();
    let elsewhere = around.elsewhere(&stuck);
    around.time.advance(SECOND * 301);
    assert!(elsewhere.token().now_or_never().is_none());
    let mut driver = session.driver();
    let _ = poll(&mut driver);
    let _ = poll(&mut driver);
    drop(session);
    let began = around.time.now().boot;
    around.time.run(driver);
    assert!(around.time.now().boot - began < SECOND * 5, "{:?}", around.time.now().boot - began);
}
