//! What a logout has made useless is revoked, whichever task finishes what it began.

use std::{future::Future, task::Poll};

use futures_util::future::select;
use tokenflight::{Error, Revocation};

use crate::{fixture::*, world::world_with};

/// A refresh is out, the user logs out meanwhile, and the call returns before the server answers.
fn logged_out_during_a_refresh() -> (World, Session, Driver) {
    let (world, session, mut driver) = driven();
    world.grant.gate().close();
    assert!(session.refresh().now_or_never().is_none());
    assert!(poll(&mut driver).is_pending());
    assert_eq!(world.grant.count(), 1);
    let mut logout = Box::pin(session.logout());
    for _ in 0..100 {
        if poll(&mut logout).is_ready() {
            drop(logout);
            return (world, session, driver);
        }
        let _ = poll(&mut driver);
        world.time.advance(SECOND / 5);
    }
    panic!("the logout is not over");
}

/// The server answers after the logout has been waited for, and by then the handles are gone: the
/// driver carries the refresh to its end, and what that brings is a live refresh token of a user
/// who has logged out.
#[test]
fn what_a_refresh_brings_after_a_logout_is_revoked_although_the_last_handle_has_gone() {
    let (world, session, mut driver) = logged_out_during_a_refresh();
    drop(session);
    assert!(poll(&mut driver).is_pending());
    world.grant.gate().open();
    world.time.run(driver);
    world.assert_revoked("refresh-1");
}

/// The user logs out while a refresh is under way, and another one logs in before its answer has
/// come. What it brings is a live refresh token of the user who has logged out.
#[test]
fn what_a_refresh_brings_after_a_logout_and_another_login_is_revoked() {
    let (world, session, mut driver) = logged_out_during_a_refresh();
    world.time.run(session.login(set("bob"))).unwrap();
    world.grant.gate().open();
    world.drive(&mut driver, 20, SECOND / 5);
    world.assert_revoked("refresh-1");
    assert!(!world.revoked().contains(&"refresh-bob".to_owned()));
}

/// The same, and the last handle goes before the answer has come.
#[test]
fn what_a_refresh_brings_after_a_logout_and_another_login_is_revoked_although_the_last_handle_has_gone() {
    let (world, session, mut driver) = driven();
    world.grant.gate().close();
    assert!(session.refresh().now_or_never().is_none());
    assert!(poll(&mut driver).is_pending());
    assert_eq!(world.grant.count(), 1);
    world.time.run(session.logout()).unwrap();
    world.time.run(session.login(set("bob"))).unwrap();
    drop(session);
    assert!(poll(&mut driver).is_pending());
    world.grant.gate().open();
    world.time.run(driver);
    assert_eq!(world.stored().as_deref(), Some("refresh-bob"));
    assert!(world.revoked().contains(&"refresh-1".to_owned()), "only {:?}", world.revoked());
}

/// The store does not tell of the logout: it has failed since.
#[test]
fn what_a_refresh_brings_after_a_logout_that_cannot_be_stored_is_revoked_although_the_last_handle_has_gone() {
    let (world, session, mut driver) = driven();
    world.grant.gate().close();
    assert!(session.refresh().now_or_never().is_none());
    goes_on(&mut driver);
    world.store.set_down(true);
    world.time.run(session.logout()).unwrap_err();
    drop(session);
    goes_on(&mut driver);
    world.grant.gate().open();
    world.time.run(driver);
    world.assert_revoked("refresh-1");
}

/// There is no driver: the callers of the next login take what was left behind to its end.
#[test]
fn what_a_refresh_brings_after_a_logout_is_revoked_by_later_callers_if_there_is_no_driver() {
    let (world, session) = world();
    world.grant.gate().close();
    assert!(session.refresh().now_or_never().is_none());
    assert_eq!(world.grant.count(), 1);
    world.time.run(session.logout()).unwrap();
    world.grant.gate().open();
    world.time.run(session.login(set("bob"))).unwrap();
    for _ in 0..5 {
        session.token().now_or_never().unwrap().unwrap();
        world.time.advance(SECOND);
    }
    assert!(world.revoked().contains(&"refresh-1".to_owned()), "only {:?}", world.revoked());
}

/// A rotation not yet stored, a logout whose caller goes: only that caller would have revoked it.
#[test]
fn a_logout_that_is_cut_off_revokes_what_was_never_stored() {
    let (world, session, mut driver) = driven();
    for _ in 0..3 {
        world.store.push(OpKind::Commit, Trouble::Fail);
    }
    world.time.run(session.refresh()).unwrap();
    assert!(session.state().unsaved);
    world.store.gate(OpKind::Reset).close();
    assert!(session.logout().now_or_never().is_none());
    world.store.gate(OpKind::Reset).open();
    world.drive(&mut driver, 50, SECOND);
    assert!(!session.state().unsaved);
    world.assert_revoked("refresh-1");
}

/// A logout whose caller goes, and another login at once: the refresh token of the first is stored
/// no more and alive.
#[test]
fn a_logout_that_is_cut_off_by_another_login_revokes_what_was_stored() {
    let (world, session, mut driver) = driven();
    world.store.gate(OpKind::Reset).close();
    assert!(session.logout().now_or_never().is_none());
    world.store.gate(OpKind::Reset).open();
    world.time.run(select(Box::pin(session.login(set("bob"))), &mut driver));
    world.drive(&mut driver, 20, SECOND);
    assert_eq!(world.stored().as_deref(), Some("refresh-bob"));
    world.assert_revoked("refresh-0");
}

/// Several logouts in a row, of which only the last is waited for.
#[test]
fn a_logout_after_a_logout_that_was_cut_off_says_what_it_revoked() {
    let (world, session) = world();
    world.store.gate(OpKind::Reset).close();
    assert!(session.logout().now_or_never().is_none());
    world.store.gate(OpKind::Reset).open();
    world.time.run(session.logout()).unwrap();
    world.assert_revoked("refresh-0");
}

/// Each of them has to read the store for itself, and the first one's answer comes when the second
/// has taken its place.
#[test]
fn two_logouts_before_the_store_was_read_revoke_what_was_stored() {
    let (world, session) = world();
    drop(session);
    let session = world.session();
    let mut driver = session.driver();
    world.store.gate(OpKind::Reset).close();
    for _ in 0..2 {
        assert!(session.logout().now_or_never().is_none());
        assert!(poll(&mut driver).is_pending());
    }
    world.store.gate(OpKind::Reset).open();
    for _ in 0..20 {
        let _ = poll(&mut driver);
        world.time.advance(SECOND);
    }
    world.time.run(session.shutdown(SECOND * 30)).unwrap();
    assert_eq!(world.stored(), None);
    assert!(world.revoked().contains(&"refresh-0".to_owned()), "only {:?}", world.revoked());
}

/// The driver tries again, and finds the logout stored.
#[test]
fn a_logout_whose_answer_never_came_revokes_what_was_stored_although_the_last_handle_has_gone() {
    let (world, session, driver) = driven();
    world.store.push(OpKind::Reset, Trouble::HangAfter);
    assert!(session.logout().now_or_never().is_none());
    drop(session);
    world.time.run(driver);
    assert_eq!(world.stored(), None);
    assert!(world.revoked().contains(&"refresh-0".to_owned()), "only {:?}", world.revoked());
}

/// A login over one that was cut off, and a logout over that.
#[test]
fn a_logout_after_logins_that_were_cut_off_revokes_all_of_them() {
    let (world, session) = world();
    world.store.gate(OpKind::Reset).close();
    assert!(session.login(set("1")).now_or_never().is_none());
    assert!(session.logout().now_or_never().is_none());
    world.store.gate(OpKind::Reset).open();
    world.time.run(session.shutdown(SECOND * 60)).unwrap();
    let revoked = world.revoked();
    assert!(revoked.contains(&"refresh-1".to_owned()), "only {revoked:?}");
    assert!(revoked.contains(&"refresh-0".to_owned()), "only {revoked:?}");
}

/// The last handle goes with a rotation unsaved, and another process logs out before it is stored.
#[test]
fn what_a_session_that_is_gone_cannot_store_after_a_logout_elsewhere_is_revoked() {
    let (world, session, driver) = driven();
    world.rotates_unsaved(&session);
    world.time.run(world.elsewhere(&MockGrant::new()).logout()).unwrap();
    drop(session);
    world.time.run(driver);
    world.assert_revoked("refresh-1");
}

/// Revoking what was never stored is the logout's caller's alone: a shutdown does not wait for it.
#[test]
fn a_shutdown_waits_for_the_revocation_of_what_was_never_stored() {
    let (world, session) = world_with(SECOND);
    world.rotates_unsaved(&session);
    let mut logout = Box::pin(session.logout());
    // The logout is stored, and one of two tokens revoked.
    for _ in 0..60 {
        assert!(poll(&mut logout).is_pending());
        if !world.revoked().is_empty() {
            break;
        }
        world.time.advance(SECOND / 10);
    }
    assert_eq!(world.revoked().len(), 1);
    world.time.run(session.shutdown(SECOND * 60)).unwrap();
    drop(logout);
    assert_eq!(world.revoked(), ["refresh-1", "refresh-0"]);
}

/// An impatient user's. What the first one was to store, the second one has stored.
#[test]
fn a_logout_that_another_one_follows_is_as_good() {
    let (world, session) = world();
    world.store.gate(OpKind::Reset).close();
    let (mut first, mut second) = (Box::pin(session.logout()), Box::pin(session.logout()));
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
    world.store.gate(OpKind::Reset).open();
    world.time.run(first).unwrap();
    world.time.run(second).unwrap();
    assert_eq!(world.stored(), None);
    assert!(world.revoked().contains(&"refresh-0".to_owned()), "only {:?}", world.revoked());
}

/// Two tasks log out; the driver stores what the second has to. Revocation takes three seconds.
#[test]
fn of_two_logouts_at_once_each_says_what_became_of_the_refresh_token() {
    let (world, session) = world_with(SECOND * 3);
    let mut driver = session.driver();
    goes_on(&mut driver);
    world.store.gate(OpKind::Reset).close();
    let (mut first, mut second) = (Box::pin(session.logout()), Box::pin(session.logout()));
    assert!(poll(&mut first).is_pending() && poll(&mut second).is_pending());
    world.store.gate(OpKind::Reset).open();
    world.drive(&mut driver, 5, SECOND / 20);
    assert_eq!(world.stored(), None);
    for logout in [&mut first, &mut second] {
        let said = says(&world, &mut driver, logout);
        assert!(matches!(said, Revocation::Revoked), "{said:?}");
    }
}

/// The caller of the first has gone, and its revocation is under way: it takes three seconds.
#[test]
fn a_logout_that_is_repeated_says_what_the_first_has_revoked() {
    let (world, session) = world_with(SECOND * 3);
    let mut driver = session.driver();
    goes_on(&mut driver);
    assert!(session.logout().now_or_never().is_none());
    world.drive(&mut driver, 5, SECOND / 20);
    assert_eq!(world.stored(), None);
    let said = says(&world, &mut driver, &mut Box::pin(session.logout()));
    assert!(matches!(said, Revocation::Revoked), "{said:?}");
}

/// Drives until this logout is over, which it is not before the refresh token is revoked.
fn says(
    world: &World,
    driver: &mut Driver,
    logout: &mut (impl Future<Output = Result<Revocation, Error>> + Unpin),
) -> Revocation {
    for _ in 0..200 {
        if let Poll::Ready(said) = poll(logout) {
            world.assert_revoked("refresh-0");
            return said.unwrap();
        }
        world.drive(driver, 1, SECOND / 20);
    }
    panic!("the logout is not over");
}
