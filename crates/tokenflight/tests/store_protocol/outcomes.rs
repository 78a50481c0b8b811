//! What an answer, an end and no answer leave in the store.

use futures_util::future::FutureExt;
use tokenflight::{Epoch, RefreshToken};

use crate::fixture::*;

#[test]
fn an_unknown_outcome_puts_the_token_in_doubt() {
    for step in [Step::HangSent, Step::PanicSent, Step::Fail(GrantError::new(FailureClass::Ambiguous))] {
        let fixture = Fixture::new();
        let what = format!("{step:?}");
        fixture.grant.push(step);
        assert_eq!(fixture.token().expect_err("no answer").class(), Some(FailureClass::Ambiguous), "{what}");
        assert_eq!(fixture.kinds(), [Load, Claim, Settle], "{what}");
        assert!(fixture.is_in_doubt(), "{what}");
        assert!(fixture.is_claimed(), "until what was sent has arrived: {what}");
    }
}

#[test]
fn an_outcome_that_left_the_refresh_token_alone_gives_the_claim_back() {
    let failures = [FailureClass::NotSent, FailureClass::Throttled, FailureClass::Config];
    let steps = failures.map(|class| Step::Fail(GrantError::new(class)));
    for step in steps.into_iter().chain([Step::HangUnsent, Step::PanicUnsent]) {
        let fixture = Fixture::new();
        let what = format!("{step:?}");
        fixture.grant.push(step);
        fixture.token().expect_err("no token");
        assert_eq!(fixture.kinds(), [Load, Claim, Settle], "{what}");
        assert!(!fixture.is_claimed() && !fixture.is_in_doubt(), "{what}");
    }
}

/// The doubt that an earlier attempt has left is not settled by one that never got through.
#[test]
fn an_attempt_that_comes_to_nothing_does_not_clear_an_earlier_doubt() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::new(FailureClass::Ambiguous)));
    fixture.grant.push(Step::Fail(GrantError::new(FailureClass::NotSent)));
    fixture.token().expect_err("ambiguous");
    let doubt = fixture.entry().doubt;
    fixture.time.advance(secs(2));
    assert_eq!(fixture.token().expect_err("not sent").class(), Some(FailureClass::NotSent));
    assert_eq!(fixture.entry().doubt, doubt);
    assert!(doubt.is_some());
    fixture.time.advance(secs(4));
    fixture.token().expect("a token");
    assert!(!fixture.is_in_doubt());
}

#[test]
fn a_confirmed_end_is_one_conditional_write() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    assert!(fixture.token().expect_err("over").is_ended());
    assert_eq!(fixture.kinds(), [Load, Claim, End]);
    assert!(matches!(fixture.entry().state, EntryState::Ended { .. }));
    assert!(!fixture.is_claimed() && !fixture.is_in_doubt());
}

/// A lost answer is no reason to present the refused token again.
#[test]
fn an_end_whose_answer_was_lost_is_noted_again() {
    for trouble in [Trouble::FailAfter, Trouble::Unknown, Trouble::Late] {
        let fixture = Fixture::new();
        fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
        fixture.store.push(End, trouble);
        assert!(fixture.token().expect_err("over").is_ended(), "{trouble:?}");
        assert_eq!((fixture.kinds(), fixture.grant.count()), (vec![Load, Claim, End, End], 1), "{trouble:?}");
    }
}

/// Another process may have stored a successor: what the store has not confirmed is not over.
#[test]
fn an_end_that_cannot_be_stored_is_not_believed() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    fixture.store.push(End, Trouble::Fail);
    let error = fixture.token().expect_err("no token");
    assert!(!error.is_ended() && error.is_transient(), "{error:?}");
    fixture.time.advance(secs(2));
    fixture.grant.push(Step::Fail(GrantError::terminal("invalid_grant")));
    assert!(fixture.token().expect_err("over").is_ended());
}

/// The claim has run out and was taken; the successor is the only valid one all the same.
#[test]
fn a_late_holder_may_still_store_the_successor_of_what_is_stored() {
    let fixture = Fixture::new();
    fixture.grant.gate().close();
    let thief = async {
        fixture.grant.gate().until_parked(1).await;
        // The holder was paused for longer than its claim; no other presented anything meanwhile.
        fixture.time.suspend(secs(80));
        let (owner, seen, holder) = (Owner::unique(), fixture.entry().op, "a thief".into());
        let claim = Body::Claim { owner, seen, length: secs(75), yields: None, holder };
        let claim = Op::new(None, fixture.time.now(), claim).watched(secs(15));
        assert!(matches!(fixture.model.apply(&key(), claim).await, Ok(Reply::Granted(_))));
        fixture.grant.gate().open();
    };
    let (token, ()) = fixture.time.run(join(fixture.session.token(), thief));
    token.expect("what is finished counts, however late it is noticed");
    let entry = fixture.entry();
    assert_eq!(entry.tokens().and_then(|tokens| tokens.refresh.as_ref()).expect("one").expose(), "refresh-1");
    assert_eq!(entry.epoch, Epoch::new(1));
    assert!(entry.claim.is_none() && entry.doubt.is_none(), "the thief's token is spent, and its claim with it");
}

/// Another successor is stored; ours is dropped and theirs adopted.
#[test]
fn a_commit_over_another_successor_is_refused_and_the_other_one_adopted() {
    let fixture = Fixture::new();
    let gate = fixture.store.gate(Commit);
    gate.close();
    let fork = async {
        gate.until_parked(1).await;
        fixture.put("fork");
        gate.open();
    };
    let (token, ()) = fixture.time.run(join(fixture.session.token(), fork));
    assert_eq!(token.expect("adopted").access().expose(), "access-fork");
    assert_eq!(fixture.kinds(), [Load, Claim, Commit]);
    fixture.time.advance(LIFE);
    fixture.token().expect("a token");
    assert_eq!(fixture.presented(), ["refresh-0", "refresh-fork"]);
}

/// The last handle has gone meanwhile, the answer is of no use but for the refresh token it
/// rotates, and the store fails once.
#[test]
fn a_rotated_token_is_stored_although_no_handle_is_left_and_the_store_fails() {
    let fixture = Fixture::new();
    let gate = fixture.grant.gate();
    gate.close();
    let rotated = GrantError::config("no access token").rotated(RefreshToken::new("refresh-rotated"));
    fixture.grant.push(Step::Fail(rotated));
    fixture.store.push(Commit, Trouble::Fail);
    let Fixture { time, model, session, .. } = fixture;
    let mut driver = session.driver();
    let _ = session.token().now_or_never();
    assert!(gate.parked() == 1 && (&mut driver).now_or_never().is_none());
    drop(session);
    gate.open();
    time.run(driver);
    let entry = model.entry(&key()).expect("something is stored");
    let refresh = entry.tokens().and_then(|tokens| tokens.refresh.as_ref());
    assert_eq!(refresh.map(|token| token.expose()), Some("refresh-rotated"));
}
