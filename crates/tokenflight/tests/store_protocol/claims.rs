//! When a claim fails, is lost, or is late, nothing is presented under it.

use crate::fixture::*;

#[test]
fn nothing_is_presented_when_the_store_cannot_be_asked() {
    let troubles =
        [Trouble::Fail, Trouble::FailAfter, Trouble::Refuse, Trouble::Panic, Trouble::Hang, Trouble::HangAfter];
    let rows =
        troubles.map(|trouble| (Load, trouble)).into_iter().chain([(Claim, Trouble::Fail), (Claim, Trouble::Refuse)]);
    for (kind, trouble) in rows {
        let fixture = Fixture::new();
        fixture.store.push(kind, trouble);
        let error = fixture.token().expect_err("the store failed");
        assert_eq!((error.kind(), fixture.grant.count()), (&ErrorKind::Store, 0), "{kind:?} {trouble:?}");
        fixture.time.advance(secs(1));
        fixture.token().expect("the store answers again");
        assert_eq!(fixture.grant.count(), 1, "{kind:?} {trouble:?}");
    }
}

/// Whether it was stored is not known: the same claim is made again, and finds out. It is never
/// waited for as if it were another holder's.
#[test]
fn a_claim_whose_answer_was_lost_is_made_again_under_its_own_name() {
    for trouble in [Trouble::FailAfter, Trouble::Unknown, Trouble::Late, Trouble::Zombie] {
        let fixture = Fixture::new();
        fixture.store.push(Claim, trouble);
        let began = fixture.time.now().boot;
        fixture.token().expect("a token");
        assert!(fixture.time.now().boot - began < secs(1), "{trouble:?}");
        assert_eq!((fixture.grant.count(), fixture.kinds()), (1, vec![Load, Claim, Claim, Commit]), "{trouble:?}");
        let claims: Vec<_> = fixture.store.log().into_iter().filter(|call| call.kind == Claim).collect();
        assert_eq!(claims[0].id, claims[1].id, "{trouble:?}");
    }
}

/// A claim that is never answered may be stored, or may be stored later; nothing is presented under
/// it, and the next attempt of the session does not wait for it.
#[test]
fn a_claim_that_is_never_answered_is_no_obstacle_to_the_session_that_made_it() {
    for trouble in [Trouble::Hang, Trouble::HangAfter] {
        let fixture = Fixture::new();
        fixture.store.push(Claim, trouble);
        let error = fixture.token().expect_err("the store does not answer");
        assert_eq!((error.kind(), fixture.grant.count()), (&ErrorKind::Store, 0), "{trouble:?}");
        fixture.time.advance(secs(1));
        let began = fixture.time.now().boot;
        fixture.token().expect("a token");
        assert!(fixture.time.now().boot - began < secs(1), "{trouble:?}");
    }
}

/// There was a login elsewhere between the look and the claim.
#[test]
fn what_has_changed_since_it_was_read_is_not_claimed() {
    let fixture = Fixture::new();
    let gate = fixture.store.gate(Claim);
    gate.close();
    let login = async {
        gate.until_parked(1).await;
        let reset = Body::Reset { base: None, tokens: Some(fixture.stored("other")) };
        fixture.model.apply(&key(), Op::new(None, fixture.time.now(), reset)).await.expect("a login elsewhere");
        gate.open();
    };
    let (token, ()) = fixture.time.run(join(fixture.session.token(), login));
    assert_eq!(token.expect("adopted").access().expose(), "access-other");
    assert_eq!((fixture.kinds(), fixture.grant.count()), (vec![Load, Claim, Load], 0));
}

/// What is left of the claim must cover a whole request, or another holder presents the token.
#[test]
fn nothing_is_presented_under_a_claim_that_has_become_too_old() {
    for (slow, goes_on) in [(secs(9), true), (secs(11), false)] {
        let fixture = Fixture::new();
        // A pause of the machine, in which no limit runs out.
        let gate = fixture.store.gate(Claim);
        gate.close();
        let delay = async {
            gate.until_parked(1).await;
            fixture.time.suspend(slow);
            gate.open();
        };
        let (token, ()) = fixture.time.run(join(fixture.session.token(), delay));
        assert_eq!((token.is_ok(), fixture.grant.count()), (goes_on, usize::from(goes_on)));
        assert!(!fixture.is_claimed() && !fixture.is_in_doubt(), "given back in either case");
        if !goes_on {
            assert_eq!(fixture.kinds(), [Load, Claim, Settle]);
            fixture.time.advance(secs(1));
            fixture.token().expect("a quick store");
        }
    }
}
