//! The last handle goes.

use std::{convert::Infallible, task::Poll};

use http_body_util::BodyExt;

use crate::fixture::*;

#[test]
fn a_rotation_outlives_the_last_handle_and_then_the_driver_ends() {
    let (fixture, mut driver) = Fixture::driven();
    fixture.fly();
    let left = fixture.leave();
    goes_on(&mut driver);
    left.grant.gate().open();
    ends(driver);
    assert_eq!((left.grant.count(), left.stored().as_deref()), (1, Some("refresh-1")));
    left.assert_nothing_is_left();
}

#[test]
fn a_rotation_that_cannot_be_stored_at_once_outlives_the_last_handle() {
    let (fixture, driver) = Fixture::driven();
    fixture.fly();
    let left = fixture.leave();
    (0..3).for_each(|_| left.store.push(OpKind::Commit, Trouble::Fail));
    left.grant.gate().open();
    left.time.run(driver);
    assert_eq!(left.stored().as_deref(), Some("refresh-1"));
    left.assert_nothing_is_left();
}

#[test]
fn what_waits_to_be_stored_outlives_the_last_handle() {
    let (fixture, driver) = Fixture::driven();
    // The rotation cannot be stored, and then no handle is left.
    (0..3).for_each(|_| fixture.store.push(OpKind::Commit, Trouble::Fail));
    assert!(fixture.session.refresh().now_or_never().unwrap().is_ok());
    assert!(fixture.session.state().unsaved);
    let left = fixture.leave();
    left.time.run(driver);
    assert_eq!(left.stored().as_deref(), Some("refresh-1"));
    left.assert_nothing_is_left();
}

#[test]
fn a_logout_that_was_cut_off_outlives_the_last_handle() {
    let (fixture, mut driver) = Fixture::driven();
    fixture.store.gate(OpKind::Reset).close();
    assert!(fixture.session.logout().now_or_never().is_none());
    let left = fixture.leave();
    goes_on(&mut driver);
    left.store.gate(OpKind::Reset).open();
    ends(driver);
    assert_eq!(left.stored(), None, "a logout was forgotten");
    left.assert_nothing_is_left();
}

#[test]
fn a_store_that_never_recovers_does_not_keep_the_driver_for_ever() {
    let (fixture, driver) = Fixture::driven();
    fixture.store.set_down(true);
    assert!(fixture.session.logout().now_or_never().is_some());
    let left = fixture.leave();
    left.time.run(driver);
    left.assert_nothing_is_left();
}

#[test]
fn an_idle_driver_ends_with_the_last_handle() {
    let (fixture, mut driver) = Fixture::driven();
    let other = fixture.session.clone();
    let left = fixture.leave();
    goes_on(&mut driver);
    drop(other);
    ends(driver);
    left.assert_nothing_is_left();
}

#[test]
fn a_driver_of_two_sessions_ends_with_the_second() {
    let (one, other) = (Fixture::new(), Fixture::new());
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
    Fixture::new().leave().assert_nothing_is_left();
    // In the middle of a token request, with nothing left to finish it.
    let fixture = Fixture::new();
    fixture.fly();
    fixture.leave().assert_nothing_is_left();
    // In the middle of reading or writing the store.
    for kind in [OpKind::Load, OpKind::Claim, OpKind::Commit] {
        let fixture = Fixture::new();
        fixture.store.gate(kind).close();
        assert!(fixture.session.refresh().now_or_never().is_none());
        fixture.leave().assert_nothing_is_left();
    }
    // In the middle of storing a login.
    let fixture = Fixture::new();
    fixture.store.gate(OpKind::Reset).close();
    assert!(fixture.session.login(TokenSet::new("access-9").refresh_token("refresh-9")).now_or_never().is_none());
    fixture.leave().assert_nothing_is_left();
}

#[test]
fn a_waiter_keeps_its_session_and_a_driver_does_not() {
    let fixture = Fixture::new();
    let driver = fixture.session.driver();
    fixture.grant.gate().close();
    let session = fixture.session.clone();
    let mut waiter = Box::pin(async move { session.refresh().await });
    assert!(poll(&mut waiter).is_pending());
    let left = fixture.leave();
    left.grant.gate().open();
    let Poll::Ready(token) = poll(&mut waiter) else { panic!("no answer") };
    assert_eq!(access(&token.unwrap()), "access-1");
    drop(waiter);
    ends(driver);
    left.assert_nothing_is_left();
}

/// A refusal in the trailers of a gRPC call comes too late for that call: it starts a refresh that
/// no caller waits for.
#[test]
fn a_refresh_that_has_not_begun_when_the_last_handle_goes_is_not_begun() {
    let (fixture, driver) = Fixture::driven();
    fixture.time.advance(60 * SECOND);
    let client = tower::service_fn(|_: http::Request<String>| async {
        let trailers = http::HeaderMap::from_iter([("grpc-status".parse().unwrap(), "16".parse().unwrap())]);
        let body = String::from("message").with_trailers(async { Some(Ok(trailers)) });
        Ok::<_, Infallible>(http::Response::builder().header("content-type", "application/grpc").body(body).unwrap())
    });
    let layer = BearerLayer::new(fixture.session.clone(), Origins::new(["https://api.example"]).unwrap());
    let mut client = tower::Layer::layer(&layer, client);
    let request = http::Request::get("https://api.example/").body(String::new()).unwrap();
    let answer = tower::Service::call(&mut client, request).now_or_never().expect("an answer at once").unwrap();
    answer.into_body().collect().now_or_never().expect("a whole body").unwrap();
    assert!(fixture.session.state().refreshing, "the driver is to carry it");
    drop((layer, client));
    let left = fixture.leave();
    ends(driver);
    assert_eq!((left.grant.count(), left.stored().as_deref()), (0, Some("refresh-0")));
    left.assert_nothing_is_left();
}
