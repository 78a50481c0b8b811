//! The session is closed in good order.

use tokenflight::{ErrorKind, GrantError};
use tokenflight_test::mock::Step;

use crate::{around::around_with, fixture::*};

#[test]
fn a_shutdown_waits_until_the_rotation_is_adopted_and_stored() {
    let (fixture, driver) = Fixture::driven();
    fixture.fly();
    fixture.store.push(OpKind::Commit, Trouble::Fail);
    let mut shutdown = Box::pin(fixture.session.shutdown(60 * SECOND));
    assert!(poll(&mut shutdown).is_pending());
    fixture.grant.gate().open();
    fixture.time.run(&mut shutdown).unwrap();
    assert_eq!((fixture.grant.count(), fixture.stored().as_deref()), (1, Some("refresh-1")));
    ends(driver);
    // What is there can be used; nothing new begins.
    assert_eq!(fixture.token(), "access-1");
    fixture.time.advance(LIFETIME);
    let error = fixture.session.token().now_or_never().unwrap().unwrap_err();
    assert_eq!((error.kind(), fixture.grant.count()), (&ErrorKind::Closed, 1));
}

#[test]
fn a_shutdown_that_takes_too_long_says_so_and_can_be_waited_for_again() {
    let fixture = Fixture::new();
    fixture.fly();
    let began = fixture.time.now().boot;
    let error = fixture.time.run(fixture.session.shutdown(10 * SECOND)).unwrap_err();
    assert_eq!((error.kind(), fixture.time.now().boot - began), (&ErrorKind::Closed, 10 * SECOND));
    fixture.grant.gate().open();
    fixture.time.run(fixture.session.shutdown(10 * SECOND)).unwrap();
    assert_eq!(fixture.stored().as_deref(), Some("refresh-1"));
}

/// The refresh that it waited for could not be sent; the driver has stored the logout by then.
#[test]
fn a_shutdown_waits_for_the_revocation_of_a_logout_that_comes_meanwhile() {
    let (around, session) = around_with(3 * SECOND);
    let mut driver = session.driver();
    goes_on(&mut driver);
    around.grant.gate().close();
    around.grant.push(Step::Fail(GrantError::not_sent("no connection")));
    assert!(session.refresh().now_or_never().is_none());
    let mut shutdown = Box::pin(session.shutdown(60 * SECOND));
    assert!(poll(&mut shutdown).is_pending());
    assert!(session.logout().now_or_never().is_none());
    goes_on(&mut driver);
    around.grant.gate().open();
    let _ = poll(&mut driver);
    around.time.run(shutdown).unwrap();
    around.assert_revoked("refresh-0");
}
