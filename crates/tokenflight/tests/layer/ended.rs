//! The authorization server ends the session in a renewal ahead of need: its access token lives on,
//! until the first refusal.

use tokenflight::Status;
use tokenflight_test::{MockStore, ModelStore, mock::OpKind};

use crate::fixture::*;

/// The answer to a renewal: the session is over. The token it was to replace has 45 s at least.
fn ended() -> (Fixture, task::Spawn<Driver>) {
    let fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    let driver = in_the_lead(&fixture);
    assert!(matches!(fixture.session.state().status, Status::Ending(_)), "{:?}", fixture.session.state());
    (fixture, driver)
}

/// The driver has begun to renew.
fn in_the_lead(fixture: &Fixture) -> task::Spawn<Driver> {
    let mut driver = fixture.drive();
    while fixture.grant.count() == 0 {
        assert!(fixture.time.advance_to_next(), "nothing is renewed");
        assert!(driver.poll_until_idle().is_pending());
    }
    driver
}

#[track_caller]
fn assert_ended(kind: &ErrorKind) {
    assert!(matches!(kind, ErrorKind::Ended(reason) if reason.code() == "invalid_grant"), "{kind:?}");
}

#[test]
fn requests_keep_the_living_token_of_an_ended_session_until_it_runs_out() {
    let (mut fixture, mut driver) = ended();
    for origin in [API, OTHER, API] {
        let mut call = fixture.call(get(origin));
        assert_pending!(call.poll());
        fixture.received_with("access-0").send_response(ok());
        assert_eq!(status(call.poll()), StatusCode::OK);
        fixture.time.advance(secs(10));
        assert!(driver.poll_until_idle().is_pending());
    }
    fixture.time.advance(LIFE);
    assert!(driver.poll_until_idle().is_pending());
    assert_ended(&our_failure(fixture.call(get(ME)).poll_until_idle()));
    fixture.nothing_received();
    assert_eq!(fixture.grant.count(), 1, "the refresh token is not presented again");
}

#[test]
fn the_first_refusal_of_the_living_token_comes_back_with_the_end_and_is_the_last() {
    let (mut fixture, _driver) = ended();
    assert_ended(&explained(fixture.refused(get(ME)).poll_until_idle()));
    for origin in [API, OTHER] {
        assert_ended(&our_failure(fixture.call(get(origin)).poll_until_idle()));
    }
    fixture.nothing_received();
    assert_eq!(fixture.grant.count(), 1);
}

#[test]
fn a_login_lifts_the_end_before_and_after_the_first_refusal() {
    for refused in [false, true] {
        let (mut fixture, mut driver) = ended();
        if refused {
            assert_ended(&explained(fixture.refused(get(ME)).poll_until_idle()));
        }
        fixture.log_in("access-9", LIFE);
        fixture.succeeds_with("access-9");
        // It is renewed as any other.
        fixture.time.advance(LIFE);
        assert!(driver.poll_until_idle().is_pending());
        fixture.gets_through_with("access-1");
    }
}

/// The refusal of a request that was sent before it says nothing about the next login.
#[test]
fn a_late_refusal_of_the_ended_session_does_not_touch_the_next_login() {
    let (mut fixture, _driver) = ended();
    let (mut call, respond) = fixture.sent(get(ME));
    fixture.log_in("access-9", LIFE);
    respond.send_response(unauthorized());
    assert_eq!(explained(call.poll_until_idle()), ErrorKind::SessionChanged);
    fixture.succeeds_with("access-9");
}

#[test]
fn a_logout_lifts_the_end_and_takes_the_living_token() {
    for refused in [false, true] {
        let (mut fixture, _driver) = ended();
        if refused {
            assert_ended(&explained(fixture.refused(get(ME)).poll_until_idle()));
        }
        now(fixture.session.logout()).unwrap();
        assert_eq!(our_failure(fixture.call(get(ME)).poll_until_idle()), ErrorKind::LoggedOut);
        fixture.nothing_received();
    }
}

/// The server's answer has come, and is still being stored.
#[test]
fn a_logout_while_the_end_is_being_stored_is_a_logout() {
    let store = MockStore::before(ModelStore::new());
    let behind = store.clone();
    let mut fixture = Fixture::with(|builder| builder.store(behind));
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    store.gate(OpKind::End).close();
    let mut driver = in_the_lead(&fixture);
    fixture.succeeds_with("access-0");
    let session = fixture.session.clone();
    let mut logout = task::spawn(session.logout());
    assert_pending!(logout.poll());
    assert_eq!(our_failure(fixture.call(get(ME)).poll_until_idle()), ErrorKind::LoggedOut);

    store.gate(OpKind::End).open();
    assert!(driver.poll_until_idle().is_pending());
    fixture.time.run(logout).unwrap();
    assert_eq!(our_failure(fixture.call(get(ME)).poll_until_idle()), ErrorKind::LoggedOut);
    fixture.nothing_received();
    fixture.log_in("access-9", LIFE);
    fixture.succeeds_with("access-9");
}
