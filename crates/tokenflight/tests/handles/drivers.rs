//! Drivers are made, replaced and dropped.

use std::sync::Arc;

use futures_util::FutureExt;
use tokenflight::{BearerLayer, Origins};

use super::bed::{Bed, LIFETIME, SECOND, ends, goes_on};

#[test]
fn a_driver_that_is_never_polled_takes_nothing_over() {
    let bed = Bed::new();
    let driver = bed.session.driver();
    assert_eq!(bed.token(), "access-0");
    bed.time.advance(LIFETIME);
    assert_eq!(bed.token(), "access-1");
    drop(driver);
    bed.time.advance(LIFETIME);
    assert_eq!(bed.token(), "access-2");
}

/// With a driver the layer relies on it to withdraw a token that expires; this one does not.
#[test]
fn a_driver_that_is_never_polled_does_not_make_the_layer_send_spent_tokens() {
    let bed = Bed::new();
    let _driver = bed.session.driver();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let sent = Arc::clone(&seen);
    let client = tower::service_fn(move |request: http::Request<String>| {
        sent.lock().unwrap().push(request.headers()["authorization"].to_str().unwrap().to_owned());
        async { Ok::<_, std::convert::Infallible>(http::Response::new(String::new())) }
    });
    let layer = BearerLayer::new(bed.session.clone(), Origins::new(["https://api.example"]).unwrap());
    let mut client = tower::Layer::layer(&layer, client);
    for _ in 0..2 {
        let request = http::Request::get("https://api.example/").body(String::new()).unwrap();
        let answer = tower::Service::call(&mut client, request).now_or_never().expect("an answer at once");
        assert_eq!(answer.unwrap().status(), 200);
        bed.time.advance(LIFETIME);
    }
    assert_eq!(*seen.lock().unwrap(), ["Bearer access-0", "Bearer access-1"]);
}

#[test]
fn a_flight_survives_its_driver_and_is_finished_by_the_next_caller() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    bed.grant.gate().close();
    bed.time.advance(LIFETIME);
    goes_on(&mut driver);
    assert_eq!(bed.grant.count(), 1);
    drop(driver);
    assert!(bed.session.state().refreshing);
    bed.grant.gate().open();
    assert_eq!(bed.token(), "access-1");
    assert_eq!((bed.grant.count(), bed.stored().as_deref()), (1, Some("refresh-1")));
}

#[test]
fn a_flight_whose_waiters_are_gone_is_finished_by_the_driver() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.fly();
    bed.grant.gate().open();
    goes_on(&mut driver);
    assert_eq!((bed.grant.count(), bed.stored().as_deref()), (1, Some("refresh-1")));
    assert_eq!(bed.token(), "access-1");
}

#[test]
fn a_flight_whose_waiters_are_gone_is_taken_over_by_a_driver_that_comes_later() {
    let bed = Bed::new();
    bed.fly();
    bed.grant.gate().open();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    assert_eq!((bed.grant.count(), bed.stored().as_deref()), (1, Some("refresh-1")));
}

#[test]
fn a_second_driver_replaces_the_first() {
    let bed = Bed::new();
    let mut first = bed.session.driver();
    goes_on(&mut first);
    bed.fly();
    goes_on(&mut first);
    let mut second = bed.session.driver();
    goes_on(&mut second);
    // It has begun to move a flight and does not leave it half-way.
    goes_on(&mut first);
    bed.grant.gate().open();
    goes_on(&mut second);
    ends(first);
    assert_eq!(bed.grant.count(), 1);
    // So much at once looks like a suspend, after which a driver takes a few seconds.
    bed.time.advance(LIFETIME);
    goes_on(&mut second);
    bed.time.advance(5 * SECOND);
    goes_on(&mut second);
    assert_eq!((bed.grant.count(), bed.stored().as_deref()), (2, Some("refresh-2")));
}

#[test]
fn a_driver_that_is_replaced_is_woken_to_notice() {
    let bed = Bed::new();
    let mut first = tokio_test::task::spawn(bed.session.driver());
    assert!(first.poll().is_pending() && !first.is_woken());
    let mut second = bed.session.driver();
    goes_on(&mut second);
    assert!(first.is_woken() && first.poll().is_ready());
}

#[test]
fn a_flight_that_a_logout_abandons_is_taken_to_its_end_by_the_driver() {
    let bed = Bed::new();
    let mut driver = bed.session.driver();
    goes_on(&mut driver);
    bed.fly();
    // The logout waits for the flight, to revoke what it brings, and is cut off.
    assert!(bed.session.logout().now_or_never().is_none());
    bed.grant.gate().open();
    goes_on(&mut driver);
    assert_eq!((bed.stored(), bed.revoked()), (None, vec!["refresh-1".to_owned()]));
}
