//! Another process logs out or in, while something of the login before is on its way here.

use crate::{fixture::*, world::world_with};

/// Logs out in another process, and perhaps logs in again there.
fn logs_out_elsewhere(world: &World, next: Option<TokenSet>) {
    let there = world.elsewhere(&MockGrant::new());
    world.time.run(there.logout()).unwrap();
    if let Some(next) = next {
        world.time.run(there.login(next)).unwrap();
    }
}

/// A refresh whose answer comes after a logout elsewhere, and perhaps another login.
fn refreshes_too_late(next: Option<TokenSet>) -> World {
    let (world, session) = world();
    world.grant.gate().close();
    let mut refresh = Box::pin(session.refresh());
    assert!(poll(&mut refresh).is_pending());
    assert_eq!(world.grant.count(), 1);
    logs_out_elsewhere(&world, next);
    world.grant.gate().open();
    // What it says depends on the other login; `refresh-1` is of no use in either case.
    let _ = world.time.run(refresh);
    world
}

#[test]
fn what_a_refresh_brings_after_a_logout_and_another_login_elsewhere_is_revoked() {
    let world = refreshes_too_late(Some(set("bob")));
    assert_eq!((world.revoked(), world.stored().as_deref()), (vec!["refresh-1".to_owned()], Some("refresh-bob")));
}

/// The token of the other login has run out by then, and its refresh token is presented in turn.
#[test]
fn what_a_refresh_brings_after_a_logout_and_a_login_elsewhere_that_has_run_out_is_revoked() {
    let world = refreshes_too_late(Some(set("bob").expires_in(Duration::ZERO)));
    assert_eq!((world.revoked(), world.stored().as_deref()), (vec!["refresh-1".to_owned()], Some("refresh-2")));
}

/// A rotation that could not be stored before a logout elsewhere, and perhaps another login.
fn stores_too_late(next: Option<TokenSet>) -> World {
    let (world, session) = world();
    world.rotates_unsaved(&session);
    logs_out_elsewhere(&world, next);
    let _ = world.time.run(session.shutdown(SECOND * 60));
    assert!(!session.state().unsaved);
    world
}

#[test]
fn what_could_not_be_stored_before_a_logout_elsewhere_is_revoked() {
    let world = stores_too_late(None);
    assert_eq!((world.revoked(), world.stored()), (vec!["refresh-1".to_owned()], None));
}

#[test]
fn what_could_not_be_stored_before_a_logout_and_another_login_elsewhere_is_revoked() {
    let world = stores_too_late(Some(set("bob")));
    assert_eq!((world.revoked(), world.stored().as_deref()), (vec!["refresh-1".to_owned()], Some("refresh-bob")));
}

/// What a refresh has brought after a logout elsewhere is being revoked, which takes three seconds,
/// and its caller goes.
fn leaves_a_revocation(with_driver: bool) -> (World, Session, Option<Driver>) {
    let (world, session) = world_with(SECOND * 3);
    let mut driver = with_driver.then(|| session.driver());
    world.grant.gate().close();
    let mut refresh = Box::pin(session.refresh());
    assert!(poll(&mut refresh).is_pending());
    driver.iter_mut().for_each(goes_on);
    logs_out_elsewhere(&world, None);
    world.grant.gate().open();
    assert!(poll(&mut refresh).is_pending());
    driver.iter_mut().for_each(goes_on);
    assert!(!session.state().refreshing && world.revoked().is_empty());
    drop(refresh);
    (world, session, driver)
}

#[test]
fn a_revocation_that_a_caller_has_left_is_taken_to_its_end_by_later_callers() {
    let (world, session, _) = leaves_a_revocation(false);
    for _ in 0..3 {
        assert!(world.time.run(session.token()).is_err());
        world.time.advance(SECOND * 2);
    }
    assert_eq!(world.revoked(), ["refresh-1"]);
}

#[test]
fn a_revocation_that_a_caller_has_left_is_taken_to_its_end_by_a_shutdown() {
    let (world, session, _) = leaves_a_revocation(false);
    world.time.run(session.shutdown(SECOND * 60)).unwrap();
    assert_eq!(world.revoked(), ["refresh-1"]);
}

#[test]
fn a_shutdown_waits_for_a_revocation_that_the_driver_keeps_moving() {
    let (world, session, driver) = leaves_a_revocation(true);
    let (mut driver, mut shutdown) = (driver.unwrap(), Box::pin(session.shutdown(SECOND * 60)));
    world.drive(&mut driver, 5, SECOND / 2);
    assert!(poll(&mut shutdown).is_pending());
    world.time.run(shutdown).unwrap();
    assert_eq!(world.revoked(), ["refresh-1"]);
}

#[test]
fn a_revocation_that_is_under_way_outlives_the_last_handle() {
    let (world, session, driver) = leaves_a_revocation(true);
    drop(session);
    world.time.run(driver.unwrap());
    assert_eq!(world.revoked(), ["refresh-1"]);
    world.assert_nothing_is_left();
}

/// There is no driver, so that nothing can take it to its end any more.
#[test]
fn a_revocation_that_is_under_way_keeps_no_session_alive() {
    let (world, session, _) = leaves_a_revocation(false);
    drop(session);
    world.assert_nothing_is_left();
}

/// This begins, and its caller goes while the store is read. An hour later there is a login
/// elsewhere, and then another call.
fn is_left_before_it_has_read_the_store(begin: impl FnOnce(&Session)) {
    let (world, session) = world();
    world.store.gate(OpKind::Load).close();
    begin(&session);
    assert_eq!(world.store.gate(OpKind::Load).parked(), 1);
    world.time.advance(SECOND * 3600);
    world.time.run(world.elsewhere(&MockGrant::new()).login(set("bob"))).unwrap();
    world.store.gate(OpKind::Load).open();
    for _ in 0..3 {
        let _ = world.time.run(session.token());
    }
    world.time.run(session.shutdown(SECOND * 60)).unwrap();
    assert_eq!(world.stored().as_deref(), Some("refresh-bob"));
    assert!(!world.revoked().contains(&"refresh-bob".to_owned()), "{:?}", world.revoked());
}

#[test]
fn a_logout_that_was_left_before_it_had_read_the_store_does_not_end_a_later_login_elsewhere() {
    is_left_before_it_has_read_the_store(|session| assert!(session.logout().now_or_never().is_none()));
}

#[test]
fn a_login_that_was_left_before_it_had_read_the_store_does_not_undo_a_later_login_elsewhere() {
    is_left_before_it_has_read_the_store(|session| assert!(session.login(set("carol")).now_or_never().is_none()));
}
