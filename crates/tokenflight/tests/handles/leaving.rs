//! The last handle goes.

use std::task::Poll;

use futures_util::FutureExt;
use tokenflight::TokenSet;
use tokenflight_test::mock::{OpKind, Trouble};

use super::bed::{Bed, LIFETIME, SECOND, access, ends, goes_on, poll};

#[test]
fn a_rotation_outlives_the_last_handle_and_then_the_driver_ends() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.fly();
    let left = bed.leave();
    goes_on(&mut driver);
    left.grant.gate().open();
    ends(driver);
    assert_eq!((left.grant.count(), left.stored().as_deref()), (1, Some("refresh-1")));
    left.assert_nothing_is_left();
}

#[test]
fn a_rotation_that_cannot_be_stored_at_once_outlives_the_last_handle() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.fly();
    let left = bed.leave();
    (0..3).for_each(|_| left.store.push(OpKind::Commit, Trouble::Fail));
    left.grant.gate().open();
    left.time.run(driver);
    assert_eq!(left.stored().as_deref(), Some("refresh-1"));
    left.assert_nothing_is_left();
}

#[test]
fn what_waits_to_be_stored_outlives_the_last_handle() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    // The rotation cannot be stored, and then nobody is left.
    (0..3).for_each(|_| bed.store.push(OpKind::Commit, Trouble::Fail));
    assert!(bed.session.refresh().now_or_never().unwrap().is_ok());
    assert!(bed.session.state().unsaved);
    let left = bed.leave();
    left.time.run(driver);
    assert_eq!(left.stored().as_deref(), Some("refresh-1"));
    left.assert_nothing_is_left();
}

#[test]
fn a_logout_that_was_cut_off_outlives_the_last_handle() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.store.gate(OpKind::Reset).close();
    assert!(bed.session.logout().now_or_never().is_none());
    let left = bed.leave();
    goes_on(&mut driver);
    left.store.gate(OpKind::Reset).open();
    ends(driver);
    assert_eq!(left.stored(), None, "a logout was forgotten");
    left.assert_nothing_is_left();
}

#[test]
fn a_store_that_never_recovers_does_not_keep_the_driver_for_ever() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.store.set_down(true);
    assert!(bed.session.logout().now_or_never().is_some());
    let left = bed.leave();
    left.time.run(driver);
    left.assert_nothing_is_left();
}

#[test]
fn an_idle_driver_ends_with_the_last_handle() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    let other = bed.session.clone();
    goes_on(&mut driver);
    let left = bed.leave();
    goes_on(&mut driver);
    drop(other);
    ends(driver);
    left.assert_nothing_is_left();
}

#[test]
fn a_driver_of_two_sessions_ends_with_the_second() {
    let (one, other) = (Bed::new(), Bed::new());
    let mut driver = one.session.driver().with(&other.session);
    goes_on(&mut driver);
    let one = one.leave();
    goes_on(&mut driver);
    assert!(one.is_gone());
    let other = other.leave();
    ends(driver);
    other.assert_nothing_is_left();
}

#[test]
fn a_session_that_is_dropped_leaves_nothing_behind() {
    // Idle.
    Bed::new().leave().assert_nothing_is_left();
    // In the middle of a token request, with nobody to finish it.
    let bed = Bed::new();
    bed.fly();
    bed.leave().assert_nothing_is_left();
    // In the middle of reading or writing the store.
    for kind in [OpKind::Lease, OpKind::Intend, OpKind::Commit] {
        let bed = Bed::new();
        bed.store.gate(kind).close();
        assert!(bed.session.refresh().now_or_never().is_none());
        bed.leave().assert_nothing_is_left();
    }
    // In the middle of storing a login.
    let bed = Bed::new();
    bed.store.gate(OpKind::Reset).close();
    assert!(bed.session.login(TokenSet::new("access-9").refresh_token("refresh-9")).now_or_never().is_none());
    bed.leave().assert_nothing_is_left();
}

#[test]
fn a_waiter_keeps_its_session_and_a_driver_does_not() {
    let bed = Bed::new();
    let driver = bed.session.driver();
    bed.grant.gate().close();
    let session = bed.session.clone();
    let mut waiter = Box::pin(async move { session.refresh().await });
    assert!(poll(&mut waiter).is_pending());
    let left = bed.leave();
    left.grant.gate().open();
    let Poll::Ready(token) = poll(&mut waiter) else { panic!("no answer") };
    assert_eq!(access(&token.unwrap()), "access-1");
    drop(waiter);
    ends(driver);
    left.assert_nothing_is_left();
}

#[test]
fn a_renewal_that_has_not_begun_is_not_begun_for_nobody() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.time.advance(LIFETIME - 25 * SECOND);
    assert_eq!(bed.token(), "access-0");
    assert!(bed.session.state().refreshing, "the driver is to renew it beside");
    let left = bed.leave();
    ends(driver);
    assert_eq!((left.grant.count(), left.stored().as_deref()), (0, Some("refresh-0")));
    left.assert_nothing_is_left();
}
