//! What a failover or a restore has lost of the storage's history, at each point of a refresh, a
//! login and a logout.

use tokenflight_test::mock::OpKind::Again;

use crate::fixture::*;

/// The stored refresh token, if any.
fn stored(fixture: &Fixture) -> Option<String> {
    Some(fixture.entry().tokens()?.refresh.as_ref()?.expose().to_owned())
}

/// Another process has put `x` into the place of `0`, and its access token has run out, too.
fn behind() -> Fixture {
    let fixture = Fixture::new();
    fixture.put("x");
    fixture.time.advance(LIFE);
    fixture
}

/// Presents `x`; meanwhile, the storage loses the claim and the put of `x`, and then this happens.
fn lose_while_presenting<T>(fixture: &Fixture, then: impl FnOnce() -> T) -> Result<String, tokenflight::Error> {
    let gate = fixture.grant.gate();
    gate.close();
    let lose = async {
        gate.until_parked(1).await;
        fixture.model.fail_over(2);
        then();
        gate.open();
    };
    let (token, ()) = fixture.time.run(join(fixture.session.token(), lose));
    token.map(|token| token.access().expose().to_owned())
}

/// The next renewals present what was obtained, and nothing that was spent.
fn goes_on_with(fixture: &Fixture, presented: &[&str]) {
    for _ in 0..2 {
        fixture.time.advance(LIFE);
        fixture.token().expect("renewed");
    }
    assert_eq!(fixture.presented(), presented);
}

#[test]
fn what_was_lost_between_claim_and_commit_costs_no_successor() {
    let fixture = behind();
    assert_eq!(lose_while_presenting(&fixture, || {}).expect("a token"), "access-1");
    assert_eq!(stored(&fixture).as_deref(), Some("refresh-1"));
    goes_on_with(&fixture, &["refresh-x", "refresh-1", "refresh-2"]);
}

/// Each process that saw it writes it back; the one that comes second finds nothing lost, and its
/// successor is stored all the same.
#[test]
fn it_costs_none_either_if_another_process_has_written_back_first() {
    let fixture = behind();
    let (presents, reads) = (fixture.grant.gate(), fixture.store.gate(Load));
    presents.close();
    let lose = async {
        presents.until_parked(1).await;
        let seen = fixture.entry();
        let incarnation = fixture.model.fail_over(2);
        reads.close();
        presents.open();
        reads.until_parked(1).await;
        let again = Body::Again { record: Box::new(seen) };
        let again = Op::new(Some(incarnation), fixture.time.now(), again);
        fixture.model.apply(&key(), again).await.expect("written back");
        reads.open();
    };
    let (token, ()) = fixture.time.run(join(fixture.session.token(), lose));
    assert_eq!(token.expect("a token").access().expose(), "access-1");
    assert_eq!(stored(&fixture).as_deref(), Some("refresh-1"));
    assert!(!fixture.kinds().contains(&Again));
}

#[test]
fn nor_what_was_lost_before_a_commit_is_tried_again() {
    let fixture = behind();
    fixture.store.push(Commit, Trouble::Fail);
    assert_eq!(fixture.token().expect("served before it is stored"), "access-1");
    fixture.model.fail_over(2);
    fixture.time.advance(secs(10));
    assert_eq!(fixture.token().expect("a token"), "access-1");
    assert_eq!(stored(&fixture).as_deref(), Some("refresh-1"));
    goes_on_with(&fixture, &["refresh-x", "refresh-1", "refresh-2"]);
}

#[test]
fn an_end_counts_although_the_store_has_lost_what_ended() {
    let fixture = behind();
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    lose_while_presenting(&fixture, || {}).expect_err("it has ended");
    assert!(matches!(fixture.entry().state, EntryState::Ended { .. }), "{:?}", fixture.entry().state);
    fixture.time.advance(LIFE);
    fixture.token().expect_err("it has ended");
    assert_eq!(fixture.presented(), ["refresh-x"]);
}

/// What a refresh has claimed counts as seen, although it brought nothing.
#[test]
fn what_a_refresh_without_success_has_claimed_is_missed_when_it_is_lost() {
    let fixture = behind();
    fixture.grant.push(Step::Fail(GrantError::new(FailureClass::NotSent)));
    fixture.token().expect_err("not sent");
    // The settle, too.
    fixture.model.fail_over(3);
    assert_eq!(stored(&fixture).as_deref(), Some("refresh-0"));
    goes_on_with(&fixture, &["refresh-x", "refresh-x", "refresh-1"]);
}

/// Its number must be higher than those of all that was lost, or a process that saw that would not
/// take it for later.
#[test]
fn a_login_or_logout_comes_after_what_was_lost() {
    for login in [true, false] {
        let fixture = Fixture::new();
        fixture.token().expect("another rotation");
        let before = fixture.entry();
        fixture.model.fail_over(2);
        match login {
            true => fixture.time.run(fixture.session.login(pair("new"))).expect("stored"),
            false => drop(fixture.time.run(fixture.session.logout()).expect("stored")),
        }
        assert!(fixture.kinds().contains(&Again), "{:?}", fixture.kinds());
        let after = fixture.entry();
        assert!((after.epoch, after.rotation) > (before.epoch, before.rotation) && after.rotation > before.rotation);
    }
}

/// The login that it replaces was read, and then lost.
#[test]
fn a_login_is_not_overtaken_by_an_ancestor_of_what_it_replaces() {
    let fixture = Fixture::new();
    let gate = fixture.store.gate(OpKind::Reset);
    gate.close();
    let other = fixture.login_elsewhere();
    let lose = async {
        gate.until_parked(1).await;
        fixture.model.fail_over(1);
        assert!(fixture.entry().login != other);
        gate.open();
    };
    let (login, ()) = fixture.time.run(join(fixture.session.login(pair("new")), lose));
    login.expect("stored");
    assert_eq!(stored(&fixture).as_deref(), Some("refresh-new"));
}

/// Another process has done its work: what was lost is not brought back over it.
#[test]
fn a_later_login_of_the_new_history_is_not_touched() {
    let fixture = behind();
    drop(lose_while_presenting(&fixture, || fixture.login_elsewhere()));
    assert_eq!(stored(&fixture).as_deref(), Some("refresh-elsewhere"));
    assert!(!fixture.kinds().contains(&Again) && !fixture.kinds().contains(&End));
}
