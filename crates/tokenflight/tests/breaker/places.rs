//! How many are on their way at once, and waiting for a place.

use super::support::*;

#[test]
fn a_burst_of_sessions_whose_tokens_are_good_waits_and_none_fails() {
    let users = Users::new(100);
    users.time.advance(SECOND * 400);
    let breaker = Breaker::new(users.time.clone());
    let before = users.time.now().boot;
    let asked = users.ask(&users.sessions(|grant| breaker.guard(grant)));
    assert!(asked.iter().all(Result::is_ok));
    // Five, ten, twenty, forty, the rest: five answers of 100 ms.
    assert!(users.time.now().boot - before <= SECOND * 6 / 10, "{:?}", users.time.now().boot - before);
    users.auth.assert_unharmed();
}

#[test]
fn behind_a_server_that_does_not_answer_a_presentation_is_held_back_after_two_seconds() {
    let time = ManualTime::new(1);
    let breaker = Breaker::new(time.clone());
    let (guarded, request) = (silent(&breaker), request());
    let mut under_way: Vec<_> = (0..6).map(|_| guarded.request(&request)).collect();
    assert!(under_way.iter_mut().all(|asked| asked.now_or_never().is_none()));
    time.advance(SECOND * 2);
    let last = under_way.pop().unwrap().now_or_never().unwrap().unwrap_err();
    assert_eq!(last.class(), FailureClass::NotSent);
    assert!(Error::failed(last).source_says("not answered yet"));
    // Each that is given up makes room for one.
    let mut next = guarded.request(&request);
    assert!((&mut next).now_or_never().is_none());
    drop(under_way.pop());
    assert!((&mut next).now_or_never().is_none());
    time.advance(SECOND * 60);
    assert!((&mut next).now_or_never().is_none(), "it is on its way");
}

/// Five callers have gone while their refreshes were out, and there is no driver: no task polls
/// these any more.
#[test]
fn refreshes_that_were_left_alone_keep_no_place_for_ever() {
    let users = Users::new(7);
    users.pass(SECOND * 400);
    let breaker = Breaker::new(users.time.clone());
    let sessions = users.sessions(|grant| breaker.guard(grant));
    for session in &sessions[..5] {
        assert!(session.token().now_or_never().is_none());
    }
    let held = users.ask(&sessions[5..6]).remove(0).unwrap_err();
    assert!(held.source_says("not answered yet"), "{held:?}");
    users.pass(SECOND * 60);
    assert_eq!(breaker.state(), BreakerState::Closed);
    assert!(users.ask(&sessions[5..]).iter().all(Result::is_ok));
}

#[test]
fn one_that_waits_is_woken_when_there_is_room() {
    let users = Tasks::new(&ManualTime::new(1));
    let breaker = Breaker::new(users.time().clone());
    let (guarded, first) = (silent(&breaker), request());
    let mut under_way: Vec<_> = (0..5).map(|_| guarded.request(&first)).collect();
    assert!(under_way.iter_mut().all(|asked| asked.now_or_never().is_none()));
    let good = breaker.guard(grant_fn(|_: TokenRequest| async { tokens() }));
    let waits = |request: TokenRequest| {
        let good = good.clone();
        users.spawn(async move { good.request(&request).await.is_ok() })
    };
    let (one, two) = (waits(request()), waits(request()));
    users.block_on(users.quiet());
    assert!(!one.is_over() && !two.is_over());
    under_way.truncate(3);
    users.block_on(users.quiet());
    assert!(one.is_over() && two.is_over());
}

#[test]
fn one_that_was_woken_and_is_cancelled_leaves_the_wake_to_another() {
    let tasks = Tasks::new(&ManualTime::new(1));
    let breaker = Breaker::new(tasks.time().clone());
    let (guarded, first) = (silent(&breaker), request());
    let mut under_way: Vec<_> = (0..5).map(|_| guarded.request(&first)).collect();
    assert!(under_way.iter_mut().all(|asked| asked.now_or_never().is_none()));
    let mut woken = guarded.request(&first);
    assert!((&mut woken).now_or_never().is_none());
    let good = breaker.guard(grant_fn(|_: TokenRequest| async { tokens() }));
    let waits = tasks.spawn(async move { good.request(&request()).await.is_ok() });
    tasks.block_on(tasks.quiet());
    under_way.pop();
    drop(woken);
    tasks.block_on(tasks.quiet());
    assert!(waits.is_over());
}

/// Waiting for its place nothing was sent; after that the grant may have sent without a word.
#[test]
fn a_time_limit_while_it_waits_loses_nothing_and_after_that_the_worst_is_assumed() {
    let time = ManualTime::new(1);
    let breaker = Breaker::new(time.clone());
    let (guarded, first, second) = (silent(&breaker), request(), request());
    let mut under_way: Vec<_> = (0..5).map(|_| guarded.request(&first)).collect();
    assert!(under_way.iter_mut().all(|asked| asked.now_or_never().is_none()));
    assert_eq!(first.class_without_answer(), FailureClass::Ambiguous);
    let mut waits = guarded.request(&second);
    assert!((&mut waits).now_or_never().is_none());
    assert_eq!(second.class_without_answer(), FailureClass::NotSent);
    under_way.pop();
    assert!((&mut waits).now_or_never().is_none());
    assert_eq!(second.class_without_answer(), FailureClass::Ambiguous);
}
