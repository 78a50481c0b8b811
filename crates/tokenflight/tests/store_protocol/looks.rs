//! Looks into the store while the authorization server is left alone, and a refresh's second round.

use crate::fixture::*;

/// The server has asked to be left alone for an hour.
fn told_to_wait() -> Fixture {
    let fixture = Fixture::new();
    let later = GrantError::new(FailureClass::Throttled).retry_after(secs(3600));
    fixture.grant.push(Step::Fail(later));
    fixture.token().expect_err("told to wait");
    fixture.time.advance(secs(1));
    fixture
}

#[test]
fn a_look_that_is_not_answered_costs_a_caller_two_seconds() {
    let fixture = told_to_wait();
    fixture.store.push(Load, Trouble::Hang);
    let began = fixture.time.now().boot;
    assert_eq!(fixture.token().expect_err("still told to wait").class(), Some(FailureClass::Throttled));
    assert_eq!(fixture.time.now().boot - began, secs(2));
}

#[test]
fn a_store_that_a_look_could_not_read_is_left_alone_for_half_a_minute() {
    let fixture = told_to_wait();
    fixture.store.push(Load, Trouble::Fail);
    fixture.token().expect_err("still told to wait");
    let looks = |fixture: &Fixture| fixture.kinds().iter().filter(|kind| **kind == Load).count();
    let before = looks(&fixture);
    for (wait, more) in [(5, 0), (24, 0), (2, 1)] {
        fixture.time.advance(secs(wait));
        fixture.token().expect_err("still told to wait");
        assert_eq!(looks(&fixture) - before, more, "after {wait} s more");
    }
    fixture.put("x");
    fixture.time.advance(secs(5));
    assert_eq!(fixture.token().expect("found"), "access-x");
}

/// A look that meets an ancestor of what was seen forgets nothing: the next refresh writes it back.
#[test]
fn a_look_at_a_store_that_has_lost_the_last_state_does_not_forget_it() {
    let fixture = Fixture::new();
    fixture.token().expect("renewed");
    fixture.time.advance(LIFE);
    fixture.grant.push(Step::Fail(GrantError::new(FailureClass::Throttled).retry_after(secs(3600))));
    fixture.token().expect_err("told to wait");
    // Claim and commit, claim and settle.
    fixture.model.fail_over(4);
    fixture.time.advance(secs(1));
    fixture.token().expect_err("still told to wait");
    fixture.time.advance(secs(3600));
    fixture.token().expect("renewed");
    assert_eq!(fixture.presented(), ["refresh-0", "refresh-1", "refresh-1"]);
}

/// Each round of a refresh has its own claim: what the first has left on its way ends no other.
#[test]
fn a_late_settle_of_the_first_round_does_not_end_the_claim_of_the_second() {
    let fixture = Fixture::new();
    let gate = fixture.grant.gate();
    gate.close();
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    fixture.store.push(Settle, Trouble::Zombie);
    let check = async {
        gate.until_parked(1).await;
        // Another process has renewed, and its access token has run out as well.
        fixture.put_received("x", fixture.time.now().wall - LIFE);
        gate.let_through(1);
        gate.until_parked(1).await;
        assert_eq!(fixture.presented(), ["refresh-0", "refresh-x"]);
        for arrived in fixture.store.let_arrive().await {
            arrived.expect("the model does what it is asked");
        }
        assert!(fixture.is_claimed(), "while it is presented");
        gate.open();
    };
    let (token, ()) = fixture.time.run(join(fixture.session.token(), check));
    token.expect("renewed");
}
