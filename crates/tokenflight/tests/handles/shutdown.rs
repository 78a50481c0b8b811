//! The session is closed in good order.

use futures_util::FutureExt;
use tokenflight::ErrorKind;
use tokenflight_test::mock::{OpKind, Trouble};

use super::bed::{Bed, LIFETIME, SECOND, ends, goes_on, poll};

#[test]
fn a_shutdown_waits_until_the_rotation_is_adopted_and_stored() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.fly();
    bed.store.push(OpKind::Commit, Trouble::Fail);
    let mut shutdown = Box::pin(bed.session.shutdown(60 * SECOND));
    assert!(poll(&mut shutdown).is_pending());
    bed.grant.gate().open();
    bed.time.run(&mut shutdown).unwrap();
    assert_eq!((bed.grant.count(), bed.stored().as_deref()), (1, Some("refresh-1")));
    ends(driver);
    // What is there can be used; nothing new begins.
    assert_eq!(bed.token(), "access-1");
    bed.time.advance(LIFETIME);
    let error = bed.session.token().now_or_never().unwrap().unwrap_err();
    assert_eq!((error.kind(), bed.grant.count()), (&ErrorKind::Closed, 1));
}

#[test]
fn a_shutdown_that_takes_too_long_says_so_and_can_be_waited_for_again() {
    let bed = Bed::new();
    bed.fly();
    let began = bed.time.now().boot;
    let error = bed.time.run(bed.session.shutdown(10 * SECOND)).unwrap_err();
    assert_eq!((error.kind(), bed.time.now().boot - began), (&ErrorKind::Closed, 10 * SECOND));
    bed.grant.gate().open();
    bed.time.run(bed.session.shutdown(10 * SECOND)).unwrap();
    assert_eq!(bed.stored().as_deref(), Some("refresh-1"));
}
