//! Servers that refuse everything cost a few refreshes and no more, and only who was sent a token can refuse it
//!.

use http::StatusCode;
use tokenflight::ErrorKind;
use tokio_test::assert_pending;

use crate::bed::{API, Bed, ME, OTHER, explained, get, millis, now, ok, secs, status, unauthorized};

/// The default of `Policy::storm_limit`.
const LIMIT: usize = 10;

/// Sends a request to a server that refuses whatever it is sent; says why it came back.
#[track_caller]
fn refused_twice(bed: &mut Bed, uri: &str) -> ErrorKind {
    let mut call = bed.call(get(uri));
    assert_pending!(call.poll_until_idle());
    bed.received().1.send_response(unauthorized());
    let polled = call.poll_until_idle();
    if polled.is_ready() {
        return explained(polled);
    }
    bed.received().1.send_response(unauthorized());
    explained(call.poll_until_idle())
}

fn exhausted() -> Bed {
    let mut bed = Bed::new();
    for round in 1..=LIMIT {
        assert_eq!(refused_twice(&mut bed, ME), ErrorKind::StillRefused, "round {round}");
        assert_eq!(bed.grant.count(), round);
        bed.time.advance(secs(20));
    }
    bed
}

#[test]
fn a_server_that_refuses_everything_costs_ten_refreshes_in_ten_minutes() {
    let mut bed = exhausted();
    for _ in 0..90 {
        assert_eq!(refused_twice(&mut bed, ME), ErrorKind::Futile);
        bed.nothing_received();
        bed.time.advance(secs(2));
    }
    assert_eq!(bed.grant.count(), LIMIT);
    bed.time.advance(secs(600));
    now(bed.session.token()).unwrap();
    bed.time.advance(secs(20));
    assert_eq!(refused_twice(&mut bed, ME), ErrorKind::StillRefused, "ten minutes later it gets another chance");
}

#[test]
fn requests_in_quick_succession_to_such_a_server_cost_one_refresh() {
    let mut bed = Bed::new();
    assert_eq!(refused_twice(&mut bed, ME), ErrorKind::StillRefused);
    for _ in 0..100 {
        assert_eq!(refused_twice(&mut bed, ME), ErrorKind::FreshRefused);
        bed.time.advance(millis(90));
    }
    assert_eq!(bed.grant.count(), 1);
}

#[test]
fn a_futile_refusal_leaves_the_token_good_for_everybody_else() {
    let mut bed = exhausted();
    assert_eq!(refused_twice(&mut bed, ME), ErrorKind::Futile);
    let token = format!("access-{LIMIT}");
    let mut call = bed.call(get(&format!("{OTHER}/")));
    bed.received_with(&token).send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
    assert_eq!(bed.grant.count(), LIMIT);
}

#[test]
fn another_origins_refusals_are_counted_for_themselves() {
    let mut bed = exhausted();
    assert_eq!(refused_twice(&mut bed, ME), ErrorKind::Futile);
    let mut call = bed.refused(get(&format!("{OTHER}/")));
    assert_pending!(call.poll_until_idle());
    bed.received_with("access-11").send_response(ok());
    assert_eq!(status(call.poll_until_idle()), StatusCode::OK);
    assert_eq!(bed.grant.count(), LIMIT + 1);
    bed.time.advance(secs(20));
    assert_eq!(refused_twice(&mut bed, ME), ErrorKind::Futile, "its success is not the first one's");
}

/// Requests without an authority, as tonic and kube make them.
#[test]
fn a_sole_destinations_refusals_are_not_held_against_another() {
    let mut bed = exhausted().with_sole(API);
    assert_eq!(refused_twice(&mut bed, "/"), ErrorKind::Futile);
    bed = bed.with_sole(OTHER);
    let mut call = bed.refused(get("/"));
    assert_pending!(call.poll_until_idle());
    bed.received_with("access-11").send_response(ok());
    assert_eq!(status(call.poll_until_idle()), StatusCode::OK);
}

#[test]
fn a_successful_replay_is_a_new_beginning() {
    let mut bed = Bed::new();
    for round in 1..=3 * LIMIT {
        let mut call = bed.refused(get(ME));
        assert_pending!(call.poll_until_idle(), "round {round}");
        bed.received().1.send_response(ok());
        assert_eq!(status(call.poll_until_idle()), StatusCode::OK);
        bed.time.advance(secs(12));
    }
    assert_eq!(bed.grant.count(), 3 * LIMIT);
}

/// At that generation.
#[test]
fn refusals_of_replaced_tokens_are_not_counted() {
    let mut bed = Bed::new();
    let late: Vec<_> = (0..3 * LIMIT).map(|_| (bed.call(get(ME)), bed.received().1)).collect();
    let mut first = bed.refused(get(ME));
    assert_pending!(first.poll_until_idle());
    bed.received_with("access-1").send_response(unauthorized());
    assert_eq!(explained(first.poll_until_idle()), ErrorKind::StillRefused);
    for (mut call, respond) in late {
        respond.send_response(unauthorized());
        assert_pending!(call.poll_until_idle());
        bed.received_with("access-1").send_response(unauthorized());
        assert_eq!(explained(call.poll_until_idle()), ErrorKind::StillRefused);
    }
    assert_eq!(bed.grant.count(), 1);
    bed.time.advance(secs(20));
    assert_eq!(refused_twice(&mut bed, ME), ErrorKind::StillRefused, "one of ten");
    assert_eq!(bed.grant.count(), 2);
}
