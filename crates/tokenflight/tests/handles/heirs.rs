//! What the last handle leaves, and what is told of it.

use tokenflight::Event;
use tokenflight_test::mock::Fate;

use crate::fixture::*;

/// A driver that was spawned and whose task has not run yet.
#[test]
fn what_the_last_handle_leaves_reaches_a_driver_that_was_not_polled_yet() {
    let (world, session) = world();
    let driver = session.driver();
    world.store.gate(OpKind::Reset).close();
    assert!(session.login(set("next")).now_or_never().is_none());
    drop(session);
    world.store.gate(OpKind::Reset).open();
    world.time.run(driver);
    assert_eq!(world.stored().as_deref(), Some("refresh-next"), "{:?}", world.told());
}

/// Neither was polled yet when the last handle went, and only the first one ever is.
#[test]
fn of_two_drivers_the_one_that_is_polled_stores_what_the_last_handle_leaves() {
    let (world, session) = world();
    let (polled, spare) = (session.driver(), session.driver());
    world.store.gate(OpKind::Reset).close();
    assert!(session.login(set("next")).now_or_never().is_none());
    drop(session);
    world.store.gate(OpKind::Reset).open();
    world.time.run(polled);
    drop(spare);
    assert_eq!(world.stored().as_deref(), Some("refresh-next"), "{:?}", world.told());
    assert!(!world.told().iter().any(|event| matches!(event, Event::Abandoned)), "{:?}", world.told());
}

/// It tells that it could not be stored, and then the last handle goes.
#[test]
fn what_run_until_could_not_store_is_told_to_be_abandoned_once() {
    let (world, session) = world();
    world.store.set_down(true);
    world.time.run(session.run_until(SECOND * 5, async {
        assert!(session.login(set("next")).await.is_err());
    }));
    drop(session);
    let abandoned = world.told().iter().filter(|event| matches!(event, Event::Abandoned)).count();
    assert_eq!(abandoned, 1, "{:?}", world.told());
}

/// The driver tries for a while to store what the session left, and gives up in silence.
#[test]
fn what_a_driver_could_not_store_for_a_session_that_is_gone_is_told() {
    let (world, session, driver) = driven();
    world.store.set_down(true);
    assert!(session.logout().now_or_never().is_some());
    drop(session);
    world.time.run(driver);
    assert!(world.told().iter().any(|event| matches!(event, Event::Unpersisted { .. })));
    assert!(world.told().iter().any(|event| matches!(event, Event::Abandoned)), "{:?}", world.told());
}

/// And what it did store is told too: a question was raised.
#[test]
fn what_a_driver_stores_for_a_session_that_is_gone_is_told() {
    let (world, session, mut driver) = driven();
    world.store.set_down(true);
    assert!(session.logout().now_or_never().is_some());
    drop(session);
    let _ = poll(&mut driver);
    world.store.set_down(false);
    world.time.run(driver);
    assert_eq!(world.stored(), None);
    assert!(world.told().iter().any(|event| matches!(event, Event::Unpersisted { .. })));
    assert!(world.told().iter().any(|event| matches!(event, Event::Persisted { .. })), "{:?}", world.told());
}

/// The runtime that has the driver goes.
#[test]
fn what_a_driver_carries_for_a_session_that_is_gone_is_told_when_the_driver_is_dropped() {
    let (world, session, mut driver) = driven();
    world.store.gate(OpKind::Reset).close();
    assert!(session.logout().now_or_never().is_none());
    drop(session);
    assert!(poll(&mut driver).is_pending());
    drop(driver);
    assert!(world.told().iter().any(|event| matches!(event, Event::Abandoned)), "{:?}", world.told());
}

/// The last handle has gone, and the store takes longer than its limit to answer.
#[test]
fn the_future_of_a_commit_is_not_dropped_before_it_has_settled_although_the_last_handle_has_gone() {
    let (world, session, mut driver) = driven();
    world.store.gate(OpKind::Commit).close();
    assert!(session.refresh().now_or_never().is_none());
    assert!(poll(&mut driver).is_pending());
    drop(session);
    world.drive(&mut driver, 12, SECOND);
    let fates: Vec<_> =
        world.store.log().into_iter().filter(|call| call.kind == OpKind::Commit).map(|call| call.fate).collect();
    assert!(!fates.contains(&Fate::Dropped), "{fates:?}");
}

/// The last handle goes while a refresh waits for another holder's claim: there is nothing to
/// obtain a token for any more.
#[test]
fn a_refresh_that_waits_for_a_claim_ends_with_the_last_handle() {
    let (world, session) = world();
    let stuck = MockGrant::new();
    stuck.gate().close();
    let elsewhere = world.elsewhere(&stuck);
    world.time.advance(SECOND * 301);
    assert!(elsewhere.token().now_or_never().is_none());
    let mut driver = session.driver();
    let _ = poll(&mut driver);
    let _ = poll(&mut driver);
    drop(session);
    let began = world.time.now().boot;
    world.time.run(driver);
    assert!(world.time.now().boot - began < SECOND * 5, "{:?}", world.time.now().boot - began);
}
