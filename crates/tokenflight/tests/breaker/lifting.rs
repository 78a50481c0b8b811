//! What an operator does.

use super::support::*;

#[test]
fn an_operator_lifts_it_and_within_a_minute_or_so_all_are_served() {
    let users = Users::new(40);
    users.time.advance(SECOND * 400);
    let breaker = opened(&users.time);
    // It has failed often: open for an hour.
    for wait in [60, 120, 240, 480, 960, 1920] {
        users.time.advance(SECOND * wait);
        ends(&breaker);
    }
    let sessions = users.sessions(|grant| breaker.guard(grant));
    assert!(users.ask(&sessions).iter().all(Result::is_err));
    breaker.lift(Duration::ZERO);
    assert_eq!(breaker.state(), BreakerState::Closed);
    users.pass(SECOND * 75);
    assert!(users.ask(&sessions).iter().all(Result::is_ok));
}

#[test]
fn while_it_is_lifted_nothing_opens_it_and_then_it_counts_anew() {
    let time = ManualTime::new(1);
    let breaker = opened(&time);
    breaker.lift(SECOND * 600);
    (0..50).for_each(|_| ends(&breaker));
    assert_eq!(breaker.state(), BreakerState::Closed);
    time.advance(SECOND * 600);
    (0..4).for_each(|_| ends(&breaker));
    assert_eq!(breaker.state(), BreakerState::Closed);
    ends(&breaker);
    assert!(matches!(breaker.state(), BreakerState::Open { .. }));
}

#[test]
fn lifted_for_zero_it_can_open_again() {
    let breaker = opened(&ManualTime::new(1));
    breaker.lift(Duration::ZERO);
    (0..5).for_each(|_| ends(&breaker));
    assert!(matches!(breaker.state(), BreakerState::Open { .. }));
}

#[test]
fn of_a_store_that_is_known_to_be_restored_one_session_ends() {
    let users = Users::restored(40);
    let breaker = Breaker::new(users.time.clone());
    breaker.arm();
    users.ask(&users.sessions(|grant| breaker.guard(grant)));
    assert_eq!(users.ended(), 1);
    assert!(matches!(breaker.state(), BreakerState::Open { next } if next > SECOND * 50 && next <= SECOND * 60));
}

#[test]
fn one_that_is_open_stays_open_when_it_is_armed() {
    let breaker = opened(&ManualTime::new(1));
    breaker.arm();
    assert_eq!(breaker.state(), BreakerState::Open { next: SECOND * 60 });
}

#[test]
fn armed_over_tokens_that_are_good_no_caller_hears_of_it() {
    let users = Users::new(40);
    users.time.advance(SECOND * 400);
    let breaker = Breaker::new(users.time.clone());
    breaker.arm();
    let asked = users.ask(&users.sessions(|grant| breaker.guard(grant)));
    assert!(asked.iter().all(Result::is_ok));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn those_that_wait_for_a_place_go_when_it_is_lifted() {
    let tasks = Tasks::new(&ManualTime::new(1));
    let breaker = Breaker::new(tasks.time().clone());
    let (guarded, first) = (silent(&breaker), request());
    let mut under_way: Vec<_> = (0..5).map(|_| guarded.request(&first)).collect();
    assert!(under_way.iter_mut().all(|asked| asked.now_or_never().is_none()));
    let good = breaker.guard(grant_fn(|_: TokenRequest| async { tokens() }));
    let waits = tasks.spawn(async move { good.request(&request()).await.is_ok() });
    tasks.block_on(tasks.quiet());
    assert!(!waits.is_over());
    breaker.lift(SECOND);
    tasks.block_on(tasks.quiet());
    assert!(waits.is_over());
}
