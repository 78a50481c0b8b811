//! Drivers are made, replaced and dropped.

use std::sync::Arc;

use crate::fixture::*;

#[test]
fn a_driver_that_is_never_polled_takes_nothing_over() {
    let fixture = Fixture::new();
    let driver = fixture.session.driver();
    assert_eq!(fixture.token(), "access-0");
    fixture.time.advance(LIFETIME);
    assert_eq!(fixture.token(), "access-1");
    drop(driver);
    fixture.time.advance(LIFETIME);
    assert_eq!(fixture.token(), "access-2");
}

/// With a driver the layer relies on it to withdraw a token that expires; this one does not.
#[test]
fn a_driver_that_is_never_polled_does_not_make_the_layer_send_spent_tokens() {
    let fixture = Fixture::new();
    let _driver = fixture.session.driver();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sent = Arc::clone(&seen);
    let client = tower::service_fn(move |request: http::Request<String>| {
        sent.lock().unwrap().push(request.headers()["authorization"].to_str().unwrap().to_owned());
        async { Ok::<_, std::convert::Infallible>(http::Response::new(String::new())) }
    });
    let layer = BearerLayer::new(fixture.session.clone(), Origins::new(["https://api.example"]).unwrap());
    let mut client = tower::Layer::layer(&layer, client);
    for _ in 0..2 {
        let request = http::Request::get("https://api.example/").body(String::new()).unwrap();
        let answer = tower::Service::call(&mut client, request).now_or_never().expect("an answer at once");
        assert_eq!(answer.unwrap().status(), 200);
        fixture.time.advance(LIFETIME);
    }
    assert_eq!(*seen.lock().unwrap(), ["Bearer access-0", "Bearer access-1"]);
}

#[test]
fn a_flight_survives_its_driver_and_is_finished_by_the_next_caller() {
    let fixture = Fixture::new();
    let mut driver = fixture.session.driver();
    fixture.grant.gate().close();
    fixture.time.advance(LIFETIME);
    goes_on(&mut driver);
    assert_eq!(fixture.grant.count(), 1);
    drop(driver);
    assert!(fixture.session.state().refreshing);
    fixture.grant.gate().open();
    assert_eq!(fixture.token(), "access-1");
    assert_eq!((fixture.grant.count(), fixture.stored().as_deref()), (1, Some("refresh-1")));
}

#[test]
fn a_flight_whose_waiters_are_gone_is_finished_by_the_driver() {
    let (fixture, mut driver) = Fixture::driven();
    fixture.fly();
    fixture.grant.gate().open();
    goes_on(&mut driver);
    assert_eq!((fixture.grant.count(), fixture.stored().as_deref()), (1, Some("refresh-1")));
    assert_eq!(fixture.token(), "access-1");
}

#[test]
fn a_flight_whose_waiters_are_gone_is_taken_over_by_a_driver_that_comes_later() {
    let fixture = Fixture::new();
    fixture.fly();
    fixture.grant.gate().open();
    let mut driver = fixture.session.driver();
    goes_on(&mut driver);
    assert_eq!((fixture.grant.count(), fixture.stored().as_deref()), (1, Some("refresh-1")));
}

#[test]
fn a_second_driver_replaces_the_first() {
    let fixture = Fixture::new();
    let mut first = fixture.session.driver();
    goes_on(&mut first);
    fixture.fly();
    goes_on(&mut first);
    let mut second = fixture.session.driver();
    goes_on(&mut second);
    // It has begun to move a flight and does not leave it half-way.
    goes_on(&mut first);
    fixture.grant.gate().open();
    goes_on(&mut second);
    ends(first);
    assert_eq!((fixture.token(), fixture.grant.count()), ("access-1".to_owned(), 1));
    // So much at once looks like a suspend, after which nothing starts by itself for a minute.
    fixture.time.advance(LIFETIME);
    goes_on(&mut second);
    fixture.time.advance(60 * SECOND);
    goes_on(&mut second);
    assert_eq!((fixture.grant.count(), fixture.stored().as_deref()), (2, Some("refresh-2")));
}

#[test]
fn a_driver_that_is_replaced_is_woken_to_notice() {
    let fixture = Fixture::new();
    let mut first = tokio_test::task::spawn(fixture.session.driver());
    assert!(first.poll().is_pending() && !first.is_woken());
    let mut second = fixture.session.driver();
    goes_on(&mut second);
    assert!(first.is_woken() && first.poll().is_ready());
}

#[test]
fn a_flight_that_a_logout_abandons_is_taken_to_its_end_by_the_driver() {
    let (fixture, mut driver) = Fixture::driven();
    fixture.fly();
    // The logout waits for the flight, to revoke what it brings, and is cut off.
    assert!(fixture.session.logout().now_or_never().is_none());
    fixture.grant.gate().open();
    goes_on(&mut driver);
    assert_eq!((fixture.stored(), fixture.revoked()), (None, vec!["refresh-1".to_owned()]));
}

/// A refresh of the login before, kept moving by the driver only, and a logout that waits for it.
#[test]
fn a_logout_keeps_moving_what_it_waits_for_although_the_driver_goes() {
    let (fixture, mut driver) = Fixture::driven();
    fixture.fly();
    assert!(fixture.session.login(set("next")).now_or_never().unwrap().is_ok());
    goes_on(&mut driver);
    let mut logout = Box::pin(fixture.session.logout());
    assert!(poll(&mut logout).is_pending());
    drop(driver);
    fixture.grant.gate().open();
    let began = fixture.time.now().boot;
    fixture.time.run(logout).unwrap();
    assert!(fixture.time.now().boot - began < SECOND, "the answer that it waits for is there");
    assert_eq!(fixture.stored(), None);
    assert_eq!(fixture.revoked(), ["refresh-1", "refresh-next"]);
}
