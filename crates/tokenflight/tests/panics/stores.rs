//! Stores that panic.

use tokenflight_test::mock::{OpKind, Trouble};

use crate::fixture::*;

#[test]
fn a_store_that_panics_when_it_is_read_keeps_the_request_from_being_sent() {
    let fixture = Fixture::new();
    fixture.store.push(OpKind::Load, Trouble::Panic);
    let failed = fixture.ask().unwrap_err();
    fixture.assert_recovers(&failed, &ErrorKind::Store, 0);
}

#[test]
fn a_store_that_panics_in_a_claim_is_asked_for_the_same_claim_again() {
    for trouble in [Trouble::Panic, Trouble::PanicAfter] {
        let fixture = Fixture::new();
        fixture.store.push(OpKind::Claim, trouble);
        let began = fixture.time.now().boot;
        assert_eq!(fixture.ask().unwrap(), "access-1");
        assert!(fixture.time.now().boot - began < SECOND, "it waited for its own claim");
        assert_eq!((fixture.grant.count(), fixture.told("failed")), (1, 0));
    }
}

#[test]
fn a_store_that_panics_when_it_is_first_read_stops_no_caller_for_long() {
    let (time, store) = (ManualTime::new(3), MockStore::new());
    let session =
        Session::builder(MockGrant::without_refresh_token()).store(store.clone()).time(time.clone()).build().unwrap();
    store.push(OpKind::Load, Trouble::Panic);
    assert_eq!(*time.run(session.token()).unwrap_err().kind(), ErrorKind::Store);
    time.advance(BACKOFF);
    assert!(time.run(session.token()).is_ok());
}

#[test]
fn a_rotation_survives_a_store_that_panics_in_its_commit() {
    for trouble in [Trouble::Panic, Trouble::PanicAfter] {
        let fixture = Fixture::new();
        fixture.store.push(OpKind::Commit, trouble);
        assert_eq!(fixture.ask().unwrap(), "access-1", "a failed write must not fail the request");
        assert!(fixture.session.state().unsaved);
        assert_eq!((fixture.told("refreshed"), fixture.told("unpersisted"), fixture.told("persisted")), (1, 1, 0));
        // What is offered again is the write and not the spent refresh token.
        fixture.time.advance(61 * SECOND);
        fixture.time.run(fixture.session.shutdown(60 * SECOND)).unwrap();
        assert_eq!((fixture.stored().as_str(), fixture.told("persisted"), fixture.grant.count()), ("refresh-1", 1, 1));
        assert!(!fixture.session.state().unsaved);
    }
}

#[test]
fn a_rotation_that_was_not_stored_goes_before_the_next_one() {
    let fixture = Fixture::new();
    fixture.store.push(OpKind::Commit, Trouble::Panic);
    fixture.ask().unwrap();
    fixture.time.advance(301 * SECOND);
    assert_eq!(fixture.ask().unwrap(), "access-2");
    let presented: Vec<_> = fixture.grant.presented().iter().map(|token| token.expose().to_owned()).collect();
    assert_eq!(presented, ["refresh-0", "refresh-1"]);
    assert_eq!((fixture.stored().as_str(), fixture.told("persisted")), ("refresh-2", 1));
}

#[test]
fn a_store_that_panics_while_an_end_is_noted_does_not_revive_the_session() {
    for trouble in [Trouble::Panic, Trouble::PanicAfter] {
        let fixture = Fixture::new();
        fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
        fixture.store.push(OpKind::End, trouble);
        assert!(fixture.ask().unwrap_err().is_ended());
        assert!(fixture.session.token().now_or_never().unwrap().unwrap_err().is_ended());
        assert_eq!((fixture.told("ended"), fixture.grant.count()), (1, 1));
    }
}

#[test]
fn a_store_that_panics_when_it_settles_does_not_lock_the_session_out() {
    for trouble in [Trouble::Panic, Trouble::PanicAfter] {
        let fixture = Fixture::new();
        fixture.grant.push(Step::Fail(GrantError::not_sent("no network")));
        fixture.store.push(OpKind::Settle, trouble);
        assert_eq!(fixture.ask().unwrap_err().class(), Some(FailureClass::NotSent));
        fixture.time.advance(BACKOFF);
        assert_eq!(fixture.ask().unwrap(), "access-1");
    }
}

#[test]
fn a_login_survives_a_store_that_panics() {
    let fixture = Fixture::new();
    fixture.store.push(OpKind::Reset, Trouble::Panic);
    let login = TokenSet::new("access-9").refresh_token("refresh-9").expires_in(60 * SECOND);
    assert_eq!(*fixture.time.run(fixture.session.login(login)).unwrap_err().kind(), ErrorKind::Store);
    assert_eq!(fixture.ask().unwrap(), "access-9", "the login is in effect, stored or not");
    assert!(fixture.session.state().unsaved);
    fixture.time.advance(BACKOFF);
    fixture.time.run(fixture.session.shutdown(60 * SECOND)).unwrap();
    assert_eq!(fixture.stored(), "refresh-9");
}
