//! Who has the turn within one process, and what becomes of it when nothing asks for it any more.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

mod support;

use std::{task::Context, time::Duration};

use futures_executor::block_on;
use futures_util::task::noop_waker_ref;
use tokenflight_core::{
    grant::ReusePolicy,
    store::{Body, Op, Outcome, Owner, Reply, Store},
};
use tokenflight_store_file::{FileStore, Presenter};

use self::support::ops::{
    claim, commit, holds, is_busy, is_granted, key, log_in, logged_in, op, tokens, try_claim, two_logged_in,
};

/// A claim that lasts so long, by a session that has watched it for longer than any.
fn short_claim(store: &FileStore, owner: u128, lasts: Duration) -> Op {
    let seen = block_on(store.load(&key())).unwrap();
    let mut op = claim(&seen, Owner::new(owner)).watched(Duration::from_secs(3600));
    if let Body::Claim { length, .. } = &mut op.body {
        *length = lasts;
    }
    op
}

fn is_dying(store: &FileStore) -> bool {
    let entry = block_on(store.load(&key())).unwrap().entry;
    entry.and_then(|entry| entry.claim).is_some_and(|claim| claim.dying)
}

fn presenter(store: &FileStore) -> Presenter {
    store.status(&key()).unwrap().presenter
}

#[test]
fn two_sessions_over_one_store_exclude_each_other_as_two_processes_do() {
    let (_folder, store) = logged_in();
    assert!(is_granted(&try_claim(&store, 1)));
    assert!(is_busy(&try_claim(&store, 2)) && !is_dying(&store), "a living session was taken for a dead process");
    commit(&store, 2).unwrap();
    assert!(is_granted(&try_claim(&store, 2)));
}

#[test]
fn a_claim_that_ran_out_in_a_living_process_is_taken_over_within_that_process_only() {
    let (_folder, store, other) = two_logged_in();
    let first = short_claim(&store, 1, Duration::ZERO);
    assert!(is_granted(&block_on(store.apply(&key(), first))));
    let theirs = short_claim(&other, 2, Duration::from_secs(75));
    assert!(is_busy(&block_on(other.apply(&key(), theirs))), "a living process was overtaken");
    assert!(!is_dying(&store));
    let ours = short_claim(&store, 3, Duration::from_secs(75));
    let Ok(Reply::Granted(entry)) = block_on(store.apply(&key(), ours)) else { panic!("it is stuck for ever") };
    assert!(entry.doubt.is_some(), "the first may have presented");
    let facts = block_on(store.load(&key())).unwrap().facts;
    assert_eq!(entry.claim.unwrap().lock, facts.lock);
    assert!(facts.lock.is_some() && is_busy(&try_claim(&other, 2)));
    // What the first one still reports ends nothing that is not its own.
    let seen = block_on(store.load(&key())).unwrap();
    let settle = Body::Settle { owner: Owner::new(1), outcome: Outcome::Untouched };
    block_on(store.apply(&key(), op(&seen, settle))).unwrap();
    assert!(matches!(presenter(&other), Presenter::Alive { .. }));
}

#[test]
fn an_attempt_that_ends_in_doubt_gives_the_turn_back_and_what_it_sent_may_arrive() {
    let (_folder, store, other) = two_logged_in();
    assert!(is_granted(&try_claim(&store, 1)));
    let seen = block_on(store.load(&key())).unwrap();
    let settle = Body::Settle { owner: Owner::new(1), outcome: Outcome::Ambiguous(ReusePolicy::Strict) };
    block_on(store.apply(&key(), op(&seen, settle))).unwrap();
    assert!(matches!(presenter(&other), Presenter::Dead { .. }), "{:?}", presenter(&other));
    let reply = try_claim(&other, 2);
    let Ok(Reply::Busy { retry_after: Some(left), .. }) = reply else { panic!("{reply:?}") };
    assert!(left <= Duration::from_secs(5), "{left:?}");
}

#[test]
fn a_claim_whose_future_is_dropped_leaves_the_turn_free() {
    let (_folder, store, other) = two_logged_in();
    let seen = block_on(store.load(&key())).unwrap();
    let (key, op) = (key(), claim(&seen, Owner::new(1)));
    let mut future = store.apply(&key, op.clone());
    let _ = future.as_mut().poll(&mut Context::from_waker(noop_waker_ref()));
    drop(future);
    // The store has done what was begun before this is answered.
    block_on(store.load(&key)).unwrap();
    assert!(matches!(presenter(&other), Presenter::Dead { .. }), "{:?}", presenter(&other));
    // Done again, it is granted again.
    assert!(is_granted(&block_on(store.apply(&key, op))));
    assert!(matches!(presenter(&other), Presenter::Alive { .. }));
}

#[test]
fn a_login_or_logout_waits_for_no_presenter_and_frees_the_turn() {
    let (_folder, store, other) = two_logged_in();
    assert!(is_granted(&try_claim(&store, 1)));
    let late = block_on(store.load(&key())).unwrap().entry.unwrap();
    log_in(&other, 2).unwrap();
    // What the flight of the old login brings is refused, and its turn ends with that.
    let presented = late.tokens().and_then(|tokens| tokens.refresh.clone());
    let (epoch, login, over) = (late.epoch, late.login, late.set);
    let seen = block_on(store.load(&key())).unwrap();
    let body = Body::Commit { epoch, login, over, presented, next: tokens(3) };
    let reply = block_on(store.apply(&key(), op(&seen, body))).unwrap();
    assert!(matches!(reply, Reply::Conflict(_)), "a late answer was stored over a login");
    assert!(holds(&other, 2));
    assert!(is_granted(&try_claim(&other, 2)));
    // In the presenter's own process the turn ends with its login.
    log_in(&other, 4).unwrap();
    assert!(is_granted(&try_claim(&store, 3)));
}

#[test]
fn the_last_clone_takes_the_turn_with_it() {
    let (_folder, store, other) = two_logged_in();
    assert!(is_granted(&try_claim(&store, 1)));
    let clone = store.clone();
    drop(store);
    assert!(matches!(presenter(&other), Presenter::Alive { .. }));
    drop(clone);
    // The thread ends a moment later.
    while matches!(presenter(&other), Presenter::Alive { .. }) {}
    assert!(is_busy(&try_claim(&other, 2)) && is_dying(&other));
}

#[test]
fn nothing_that_is_shown_shows_a_token() {
    let (_folder, store) = logged_in();
    let shown = format!("{store:?} {:?} {:?}", store.status(&key()).unwrap(), store.read(&key()).unwrap());
    assert!(shown.contains("alice.json") && !shown.contains("access-1") && !shown.contains("refresh-1"), "{shown}");
}
