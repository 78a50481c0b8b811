//! What those who wait make of what a flight leaves them.

use std::time::Duration;

use futures_util::FutureExt;
use tokenflight_core::{Time, TokenSet};
use tokenflight_test::{ManualTime, MockGrant};

use super::Session;
use crate::flight::Cargo;

/// Clocks are read before the lock is taken: one who asks can have read a later time than a flight that lands after it.
#[test]
fn a_token_that_had_run_out_when_it_was_asked_for_is_not_handed_out() {
    let time = ManualTime::new(1);
    let session = Session::builder(MockGrant::new()).time(time.clone()).build().unwrap();
    let login = TokenSet::new("access-0").refresh_token("refresh-0").expires_in(Duration::from_secs(10));
    session.login(login).now_or_never().unwrap().unwrap();
    let token = session.token().now_or_never().unwrap().unwrap();
    let (landed, stamp) = (Time::now(&time), session.inner.stamp());
    let cargo = Cargo { token, stamp, landed: landed.boot };
    assert!(session.inner.brought(cargo.clone(), landed).unwrap().is_some(), "asked in time");
    time.advance(Duration::from_secs(11));
    assert_eq!(session.inner.stamp(), stamp, "nobody has looked");
    assert!(session.inner.brought(cargo.clone(), landed).unwrap().is_some(), "asked in time, and woken late");
    assert!(session.inner.brought(cargo, Time::now(&time)).unwrap().is_none(), "asked too late");
}
