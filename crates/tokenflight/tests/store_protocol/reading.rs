//! The order of the steps, and what is adopted by reading alone.

use std::sync::{Arc, Mutex, PoisonError};

use tokenflight::{Event, grant_fn};
use tokenflight_test::mock::Fate;

use crate::fixture::*;

/// At every step what must have happened has happened, and nothing else.
#[test]
fn a_refresh_reads_claims_presents_commits_and_then_publishes() {
    let (time, store) = (ManualTime::new(3), MockStore::new());
    let trace = Arc::new(Mutex::new(Vec::new()));
    let note = {
        let (trace, store) = (Arc::clone(&trace), store.clone());
        move |what: &'static str| {
            let done: Vec<_> = store.log().iter().map(|op| (op.kind, op.fate)).collect();
            trace.lock().unwrap_or_else(PoisonError::into_inner).push((what, done));
        }
    };
    let ask = note.clone();
    let grant = grant_fn(move |_| {
        ask("presented");
        async { Ok(pair("1")) }
    });
    let builder = Session::builder(grant).store(store.clone()).time(time.clone()).on_event(move |event| match event {
        Event::Refreshed { .. } => note("published"),
        Event::LoggedIn { .. } => {}
        other => panic!("unexpected: {other:?}"),
    });
    let session = builder.build().expect("the settings make sense");
    time.run(session.login(pair("0"))).expect("stored");
    time.advance(LIFE);
    time.run(session.token()).expect("a token");

    let done = |kinds: &[OpKind]| kinds.iter().map(|kind| (*kind, Fate::Succeeded)).collect::<Vec<_>>();
    let trace = trace.lock().unwrap_or_else(PoisonError::into_inner);
    assert_eq!(trace[0], ("presented", done(&[Load, OpKind::Reset, Load, Claim])));
    assert_eq!(trace[1], ("published", done(&[Load, OpKind::Reset, Load, Claim, Commit])));
    assert_eq!(trace.len(), 2);
}

/// Persist, then publish.
#[test]
fn no_caller_sees_a_token_before_it_is_stored() {
    let fixture = Fixture::new();
    let gate = fixture.store.gate(Commit);
    gate.close();
    let check = async {
        gate.until_parked(1).await;
        assert_eq!((fixture.grant.count(), fixture.session.state().generation.get()), (1, 1));
        assert!(fixture.is_claimed() && !fixture.is_in_doubt(), "the claim stands until the commit");
        gate.open();
    };
    let (token, ()) = fixture.time.run(join(fixture.session.token(), check));
    assert_eq!(token.expect("a token").generation().get(), 2);
    assert_eq!(fixture.kinds(), [Load, Claim, Commit]);
    assert!(!fixture.is_claimed() && !fixture.is_in_doubt());
}

/// Two attempts of a session must not be taken for one: the claim of the first may be the only sign
/// that it has sent something.
#[test]
fn one_attempt_is_one_owner_and_the_next_attempt_another() {
    let fixture = Fixture::new();
    fixture.grant.push(Step::Fail(GrantError::new(FailureClass::NotSent)));
    fixture.token().expect_err("not sent");
    fixture.time.advance(secs(2));
    fixture.token().expect("a token");
    assert_eq!(fixture.kinds(), [Load, Claim, Settle, Load, Claim, Commit]);
    let log = fixture.store.log().split_off(fixture.seen);
    let owners: Vec<_> = log.iter().filter_map(|op| op.owner).collect();
    let [one, still, other] = owners[..] else { panic!("two attempts, one of them settled: {log:?}") };
    assert!(one == still && still != other);
}

/// A session that has just been built finds what it needs without excluding another.
#[test]
fn a_first_look_that_finds_a_good_token_makes_no_claim() {
    let fixture = Fixture::new();
    fixture.put("x");
    let store = MockStore::before(fixture.model.clone());
    let builder = Session::builder(fixture.grant.clone()).store(store.clone()).time(fixture.time.clone());
    let second = builder.build().expect("the settings make sense");
    assert_eq!(fixture.time.run(second.token()).expect("found").access().expose(), "access-x");
    assert_eq!((store.kinds().as_slice(), fixture.grant.count()), ([Load].as_slice(), 0));
}

#[test]
fn what_another_process_has_stored_is_adopted_by_reading_alone() {
    let fixture = Fixture::new();
    fixture.put("x");
    let before = fixture.entry();
    assert_eq!(fixture.token().expect("adopted"), "access-x");
    assert_eq!((fixture.kinds(), fixture.grant.count()), (vec![Load], 0));
    assert_eq!(fixture.entry(), before);
}

/// Presenting the older token would end the session that the newer one keeps alive.
#[test]
fn an_older_entry_is_neither_presented_nor_touched() {
    let fixture = Fixture::new();
    let old = fixture.entry();
    fixture.token().expect("another rotation");
    fixture.model.set_entry(&key(), Some(old.clone()));
    fixture.time.advance(LIFE);
    let error = fixture.token().expect_err("the store went back in time");
    assert_eq!(error.class(), Some(FailureClass::Config));
    assert_eq!((fixture.grant.count(), fixture.entry()), (1, old));
}

/// A storage that says it lost a part of its history gets it back, and the successor is presented.
#[test]
fn what_a_failover_has_lost_is_written_back() {
    let fixture = Fixture::new();
    fixture.token().expect("another rotation");
    // The claim and the commit are lost.
    fixture.model.fail_over(2);
    fixture.time.advance(LIFE);
    let seen = fixture.store.kinds().len();
    assert_eq!(fixture.token().expect("presented after the quarantine"), "access-2");
    assert_eq!(fixture.store.kinds()[seen..seen + 2], [Load, OpKind::Again]);
    assert_eq!(fixture.presented(), ["refresh-0", "refresh-1"]);
}
