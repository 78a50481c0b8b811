//! The authorization server gives the same access token again that an API has just refused.

use http::StatusCode;
use tokenflight::{ErrorKind, TokenSet};
use tokenflight_test::mock::Step;
use tokio_test::assert_pending;

use crate::bed::{Bed, LIFE, ME, OTHER, explained, get, millis, now, ok, secs, status, unauthorized};

/// The answer of a server that issues no new token while the old one is good in its eyes.
fn same(refresh: &str) -> Step {
    Step::Answer(TokenSet::new("access-0").refresh_token(refresh).expires_in(LIFE))
}

#[track_caller]
fn refuse(bed: &mut Bed, uri: &str) -> ErrorKind {
    explained(bed.refused(get(uri)).poll_until_idle())
}

#[test]
fn a_request_is_not_sent_again_with_the_token_it_was_refused_with() {
    let mut bed = Bed::new();
    bed.grant.push(Step::Answer(TokenSet::new("access-0").refresh_token("refresh-1").expires_in(LIFE * 3)));
    let mut call = bed.refused(get(ME));
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::Futile);
    bed.nothing_received();
    assert_eq!(bed.grant.count(), 1);
    // What came with it was adopted: its lifetime counts, and its refresh token is the one that is presented next.
    bed.time.advance(LIFE);
    bed.succeeds_with("access-0");
    bed.time.advance(LIFE * 2);
    let mut call = bed.call(get(ME));
    assert_pending!(call.poll_until_idle());
    assert_eq!(bed.grant.presented().last().unwrap().expose(), "refresh-1");
}

#[test]
fn those_who_waited_for_the_same_flight_have_their_refusals_back() {
    let mut bed = Bed::new();
    bed.grant.push(same("refresh-1"));
    bed.grant.gate().close();
    let mut calls: Vec<_> = (0..5).map(|_| bed.refused(get(ME))).collect();
    for call in &mut calls {
        assert_pending!(call.poll_until_idle());
    }
    let mut late = bed.call(get(&format!("{OTHER}/")));
    assert_pending!(late.poll_until_idle());
    bed.grant.gate().open();
    for mut call in calls {
        assert_eq!(explained(call.poll_until_idle()), ErrorKind::Futile);
    }
    // Who had not been refused may use it.
    assert_pending!(late.poll_until_idle());
    bed.received_with("access-0");
    assert_eq!(bed.grant.count(), 1);
}

#[test]
fn requests_that_were_out_meanwhile_cost_nothing() {
    let mut bed = Bed::new();
    bed.grant.push(same("refresh-1"));
    let mut slow = bed.call(get(ME));
    let (_, respond) = bed.received();
    assert_eq!(refuse(&mut bed, ME), ErrorKind::Futile);
    respond.send_response(unauthorized());
    assert_eq!(explained(slow.poll_until_idle()), ErrorKind::Futile);
    for _ in 0..99 {
        assert_eq!(refuse(&mut bed, ME), ErrorKind::Futile);
        bed.time.advance(millis(100));
    }
    assert_eq!(bed.grant.count(), 1);
}

#[test]
fn such_an_origin_is_left_alone_each_time_for_twice_as_long() {
    let mut bed = Bed::new();
    let mut at = vec![];
    for second in 0..200 {
        bed.grant.push(same("refresh-1"));
        let before = bed.grant.count();
        assert!(matches!(refuse(&mut bed, ME), ErrorKind::Futile | ErrorKind::FreshRefused));
        if bed.grant.count() > before {
            at.push(second);
        }
        bed.time.advance(secs(1));
    }
    assert_eq!(at, [0, 10, 30, 70, 150]);
}

#[test]
fn another_origin_is_not_concerned() {
    let mut bed = Bed::new();
    bed.grant.push(same("refresh-1"));
    assert_eq!(refuse(&mut bed, ME), ErrorKind::Futile);
    let mut call = bed.call(get(&format!("{OTHER}/")));
    bed.received_with("access-0").send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
    // And may find the token refused for reasons of its own, once it is not fresh any more.
    bed.time.advance(secs(11));
    let mut call = bed.refused(get(&format!("{OTHER}/")));
    assert_pending!(call.poll_until_idle());
    bed.received_with("access-1");
    assert_eq!(bed.grant.count(), 2);
}

#[test]
fn another_token_is_another_matter() {
    let mut bed = Bed::new();
    bed.grant.push(same("refresh-1"));
    assert_eq!(refuse(&mut bed, ME), ErrorKind::Futile);
    now(bed.session.refresh()).unwrap();
    bed.succeeds_with("access-1");
    bed.time.advance(secs(11));
    let mut call = bed.refused(get(ME));
    assert_pending!(call.poll_until_idle());
    bed.received_with("access-2");
}

#[test]
fn a_login_is_a_new_beginning() {
    let mut bed = Bed::new();
    bed.grant.push(same("refresh-1"));
    assert_eq!(refuse(&mut bed, ME), ErrorKind::Futile);
    bed.log_in("access-0", LIFE);
    bed.time.advance(secs(11));
    let mut call = bed.refused(get(ME));
    assert_pending!(call.poll_until_idle());
    assert_eq!(bed.grant.count(), 2);
}

/// `newer_than` asks for another token, not for the same one under another number.
#[test]
fn who_asks_for_a_newer_token_is_told_that_there_is_none() {
    let bed = Bed::new();
    bed.grant.push(same("refresh-1"));
    let token = now(bed.session.token()).unwrap();
    let error = now(bed.session.newer_than(token.generation())).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Futile);
}
