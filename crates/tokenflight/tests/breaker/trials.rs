//! After the waiting time: which sessions ask, and what follows from their answers.

use super::support::*;

#[test]
fn one_that_ends_keeps_it_open_for_twice_as_long_and_never_longer_than_an_hour() {
    let time = ManualTime::new(1);
    let breaker = opened(&time);
    for wait in [60, 120, 240, 480, 960, 1920, 3600, 3600] {
        time.advance(SECOND * wait - SECOND / 10);
        lives(&breaker);
        assert!(matches!(breaker.state(), BreakerState::Open { .. }), "{wait}");
        time.advance(SECOND / 10);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        ends(&breaker);
    }
    assert_eq!(breaker.state(), BreakerState::Open { next: SECOND * 3600 });
}

#[test]
fn one_asks_alone_and_each_that_lives_lets_another_one_ask_beside_the_next() {
    let time = ManualTime::new(1);
    let breaker = opened(&time);
    time.advance(SECOND * 60);
    for lived in 0..20 {
        let (guarded, request) = (silent(&breaker), request());
        let mut under_way: Vec<_> = (0..=lived + 1).map(|_| guarded.request(&request)).collect();
        // The last one waits for its place.
        assert!(under_way.iter_mut().all(|asked| asked.now_or_never().is_none()));
        time.advance(SECOND * 2);
        let mut over: Vec<_> = under_way.iter_mut().filter_map(FutureExt::now_or_never).collect();
        assert_eq!(over.len(), 1, "{lived} have lived");
        let last = over.pop().unwrap().unwrap_err();
        assert_eq!(last.class(), FailureClass::NotSent);
        assert!(last.wait().is_some_and(|wait| wait >= SECOND * 5 && wait <= SECOND * 10));
        assert!(Error::failed(last).source_says("others ask first"));
        drop(under_way);
        lives(&breaker);
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn an_end_before_twenty_have_lived_opens_it_again() {
    let time = ManualTime::new(1);
    let breaker = opened(&time);
    time.advance(SECOND * 60);
    (0..19).for_each(|_| lives(&breaker));
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    ends(&breaker);
    assert_eq!(breaker.state(), BreakerState::Open { next: SECOND * 120 });
}

#[test]
fn one_that_is_cancelled_or_fails_leaves_its_place_to_another() {
    let time = ManualTime::new(1);
    let breaker = opened(&time);
    time.advance(SECOND * 60);
    for _ in 0..3 {
        let (guarded, request) = (silent(&breaker), request());
        let mut cancelled = guarded.request(&request);
        assert!((&mut cancelled).now_or_never().is_none());
        drop(cancelled);
        present(&breaker, || Err(GrantError::not_sent("no connection")));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
    }
    (0..20).for_each(|_| lives(&breaker));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

/// The caller of the one that asks has gone, and there is no driver: no task polls its refresh.
#[test]
fn one_that_is_left_alone_does_not_keep_it_half_open_for_ever() {
    let users = Users::new(30);
    users.pass(SECOND * 400);
    let breaker = Breaker::new(users.time.clone());
    breaker.arm();
    let sessions = users.sessions(|grant| breaker.guard(grant));
    assert!(sessions[0].token().now_or_never().is_none());
    let held = users.ask(&sessions[1..2]).remove(0).unwrap_err();
    assert!(held.source_says("others ask first"), "{held:?}");
    users.pass(SECOND * 60);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert!(users.ask(&sessions[1..]).iter().all(Result::is_ok));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn one_that_panics_leaves_its_place_to_another() {
    let time = ManualTime::new(1);
    let breaker = opened(&time);
    time.advance(SECOND * 60);
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| present(&breaker, || panic!("planned"))));
    assert!(panics.is_err());
    (0..20).for_each(|_| lives(&breaker));
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[test]
fn a_late_answer_to_what_was_sent_before_it_opened_decides_nothing() {
    let time = ManualTime::new(1);
    let breaker = Breaker::new(time.clone());
    (0..4).for_each(|_| lives(&breaker));
    let slow = time.clone();
    let guarded = breaker.guard(grant_fn(move |_: TokenRequest| {
        let time = slow.clone();
        async move {
            Time::sleep(&time, SECOND * 60).await;
            Err(GrantError::terminal("invalid_grant"))
        }
    }));
    let request = request();
    let mut late = guarded.request(&request);
    assert!((&mut late).now_or_never().is_none());
    breaker.arm();
    time.advance(SECOND * 60);
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
    assert!((&mut late).now_or_never().is_some());
    assert_eq!(breaker.state(), BreakerState::HalfOpen);
}

#[test]
fn sessions_whose_tokens_are_good_are_all_served_soon_after_the_first_that_lives() {
    let users = Users::new(40);
    users.time.advance(SECOND * 400);
    let breaker = opened(&users.time);
    let sessions = users.sessions(|grant| breaker.guard(grant));
    assert!(users.ask(&sessions).iter().all(Result::is_err));
    users.pass(SECOND * 75);
    assert!(users.ask(&sessions).iter().all(Result::is_ok));
    assert_eq!(breaker.state(), BreakerState::Closed);
}
