//! The authorization server gives the same access token again that an API has just refused.

use crate::fixture::*;

/// The answer of a server that issues no new token while the old one is good in its eyes.
fn same(refresh: &str) -> Step {
    Step::Answer(TokenSet::new("access-0").refresh_token(refresh).expires_in(LIFE))
}

#[track_caller]
fn refuse(fixture: &mut Fixture, uri: &str) -> ErrorKind {
    explained(fixture.refused(get(uri)).poll_until_idle())
}

#[test]
fn a_request_is_not_sent_again_with_the_token_it_was_refused_with() {
    let mut fixture = Fixture::new();
    fixture.grant.push(Step::Answer(TokenSet::new("access-0").refresh_token("refresh-1").expires_in(LIFE * 3)));
    let mut call = fixture.refused(get(ME));
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::Futile);
    fixture.nothing_received();
    assert_eq!(fixture.grant.count(), 1);
    // What came with it was adopted: its lifetime counts, and its refresh token is the one that is
    // presented next.
    fixture.time.advance(LIFE);
    fixture.succeeds_with("access-0");
    fixture.time.advance(LIFE * 2);
    let _call = fixture.waiting(get(ME));
    assert_eq!(fixture.grant.presented().last().unwrap().expose(), "refresh-1");
}

#[test]
fn requests_that_waited_for_the_same_flight_have_their_refusals_back() {
    let mut fixture = Fixture::new();
    fixture.grant.push(same("refresh-1"));
    fixture.grant.gate().close();
    let mut calls: Vec<_> = (0..5).map(|_| fixture.refused(get(ME))).collect();
    for call in &mut calls {
        assert_pending!(call.poll_until_idle());
    }
    let mut late = fixture.waiting(get(&format!("{OTHER}/")));
    fixture.grant.gate().open();
    for mut call in calls {
        assert_eq!(explained(call.poll_until_idle()), ErrorKind::Futile);
    }
    // Who had not been refused may use it.
    fixture.sent_by(&mut late, "access-0");
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn requests_that_were_out_meanwhile_cost_nothing() {
    let mut fixture = Fixture::new();
    fixture.grant.push(same("refresh-1"));
    let mut slow = fixture.call(get(ME));
    let (_, respond) = fixture.received();
    assert_eq!(refuse(&mut fixture, ME), ErrorKind::Futile);
    respond.send_response(unauthorized());
    assert_eq!(explained(slow.poll_until_idle()), ErrorKind::Futile);
    for _ in 0..99 {
        assert_eq!(refuse(&mut fixture, ME), ErrorKind::Futile);
        fixture.time.advance(millis(100));
    }
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn such_an_origin_is_left_alone_each_time_for_twice_as_long() {
    let mut fixture = Fixture::new();
    let mut at = vec![];
    for second in 0..200 {
        fixture.grant.push(same("refresh-1"));
        let before = fixture.grant.count();
        assert!(matches!(refuse(&mut fixture, ME), ErrorKind::Futile | ErrorKind::FreshRefused));
        if fixture.grant.count() > before {
            at.push(second);
        }
        fixture.time.advance(secs(1));
    }
    assert_eq!(at, [0, 10, 30, 70, 150]);
}

#[test]
fn another_origin_is_not_concerned() {
    let mut fixture = Fixture::new();
    fixture.grant.push(same("refresh-1"));
    assert_eq!(refuse(&mut fixture, ME), ErrorKind::Futile);
    let mut call = fixture.call(get(&format!("{OTHER}/")));
    fixture.received_with("access-0").send_response(ok());
    assert_eq!(status(call.poll()), StatusCode::OK);
    // And may find the token refused for reasons of its own, once it is not fresh any more.
    fixture.time.advance(secs(11));
    let mut call = fixture.refused(get(&format!("{OTHER}/")));
    fixture.sent_by(&mut call, "access-1");
    assert_eq!(fixture.grant.count(), 2);
}

#[test]
fn another_token_is_another_matter() {
    let mut fixture = Fixture::new();
    fixture.grant.push(same("refresh-1"));
    assert_eq!(refuse(&mut fixture, ME), ErrorKind::Futile);
    now(fixture.session.refresh()).unwrap();
    fixture.succeeds_with("access-1");
    fixture.time.advance(secs(11));
    let mut call = fixture.refused(get(ME));
    fixture.sent_by(&mut call, "access-2");
}

#[test]
fn a_login_is_a_new_beginning() {
    let mut fixture = Fixture::new();
    fixture.grant.push(same("refresh-1"));
    assert_eq!(refuse(&mut fixture, ME), ErrorKind::Futile);
    fixture.log_in("access-0", LIFE);
    fixture.time.advance(secs(11));
    let _call = fixture.refused_and_waiting(get(ME));
    assert_eq!(fixture.grant.count(), 2);
}

/// `newer_than` asks for another token, not for the same one under another number.
#[test]
fn a_caller_that_asks_for_a_newer_token_is_told_that_there_is_none() {
    let fixture = Fixture::new();
    fixture.grant.push(same("refresh-1"));
    let token = now(fixture.session.token()).unwrap();
    let error = now(fixture.session.newer_than(token.generation())).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Futile);
}
