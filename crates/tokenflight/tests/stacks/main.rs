//! The layer among tower's own middlewares, around it and inside it: a dead token is replaced once,
//! nothing deadlocks, and no permit is lost, wherever a call is dropped.

// A test that cannot go on has failed.
#![allow(clippy::unwrap_used)]

mod around;
mod fixture;
mod h2;
mod spans;
mod spawned;
mod stacks;

use std::{future::Future, pin::pin, time::Duration};

use fixture::Fixture;
use futures_util::{FutureExt, future::join_all};
use http::StatusCode;
use stacks::{STACKS, Stack};
use tower::ServiceExt;

#[tokio::test(start_paused = true)]
async fn a_dead_token_is_replaced_unnoticed_in_every_stack() {
    for Stack { name, build, .. } in STACKS {
        let fixture = Fixture::new();
        let client = build(&fixture);
        let status = soon(name, client.oneshot(fixture.request())).await.unwrap();
        assert_eq!((status, fixture.token_requests()), (StatusCode::OK, 1), "{name}");
        fixture.assert_at_rest(name).await;
    }
}

#[tokio::test(start_paused = true)]
async fn fifty_calls_at_once_cost_one_token_request_in_every_stack() {
    for Stack { name, build, sheds } in STACKS {
        let fixture = Fixture::new();
        let client = build(&fixture);
        let calls = (0..50).map(|_| client.clone().oneshot(fixture.request()));
        let answers = soon(name, join_all(calls)).await;
        let served = answers.iter().filter(|answer| matches!(answer, Ok(StatusCode::OK))).count();
        assert!(served == 50 || (sheds && served > 0), "{name}: {served} of 50");
        assert_eq!(fixture.token_requests(), 1, "{name}");
        drop(client);
        fixture.assert_at_rest(name).await;
    }
}

/// A call is dropped after its first poll, after its second, and so on to its end.
#[tokio::test(start_paused = true)]
async fn a_call_can_be_dropped_at_every_poll_in_every_stack() {
    for Stack { name, build, .. } in STACKS {
        let mut polls = 0;
        loop {
            let fixture = Fixture::new();
            let client = build(&fixture);
            let done = poll_times(client.clone().oneshot(fixture.request()), polls).await;
            let status = soon(name, client.clone().oneshot(fixture.request())).await.unwrap();
            assert_eq!((status, fixture.token_requests()), (StatusCode::OK, 1), "{name}, dropped after {polls} polls");
            drop(client);
            fixture.assert_at_rest(name).await;
            if done {
                break;
            }
            polls += 1;
        }
        assert!(polls > 3, "{name}: there was nothing to drop");
    }
}

/// What cannot go on ends the test: when no task has work, the paused clock moves at once.
async fn soon<F: Future>(name: &str, work: F) -> F::Output {
    #[allow(clippy::disallowed_methods)] // tokio's clock is paused here.
    let answer = tokio::time::timeout(Duration::from_secs(3600), work).await;
    answer.unwrap_or_else(|_| panic!("{name}: a deadlock"))
}

/// Polls a future so many times, lets all other tasks work between, and drops it. Whether it ended.
async fn poll_times(future: impl Future, polls: usize) -> bool {
    let mut future = pin!(future);
    for _ in 0..polls {
        if future.as_mut().now_or_never().is_some() {
            return true;
        }
        // Timers included: the runtime's clock moves when no task has anything to do.
        #[allow(clippy::disallowed_methods)] // tokio's clock is paused here.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}

/// A retry on what is no business of ours costs no token; a retry on 401 has nothing to do.
#[tokio::test(start_paused = true)]
async fn a_retry_layer_around_does_not_fight_with_ours() {
    let fixture = Fixture::new();
    fixture.unavailable(2);
    let answer = stacks::retrying(&fixture, StatusCode::SERVICE_UNAVAILABLE).oneshot(fixture.request()).await.unwrap();
    assert_eq!((answer, fixture.token_requests(), fixture.requests()), (StatusCode::OK, 1, 4), "401, 503, 503, 200");
    fixture.assert_at_rest("retry on 503").await;

    let fixture = Fixture::new();
    let answer = stacks::retrying(&fixture, StatusCode::UNAUTHORIZED).oneshot(fixture.request()).await.unwrap();
    assert_eq!((answer, fixture.token_requests(), fixture.requests()), (StatusCode::OK, 1, 2), "401, 200");
    fixture.assert_at_rest("retry on 401").await;
}

/// An API that refuses everything: each of the retry layer's tries is a request of its own to us,
/// and no try costs more than one token request. The storm guard counts them like any caller's.
#[tokio::test(start_paused = true)]
async fn a_retry_on_401_against_a_hostile_api_costs_a_token_request_for_each_try() {
    let fixture = Fixture::new();
    fixture.refuse_all();
    let call = stacks::retrying(&fixture, StatusCode::UNAUTHORIZED).oneshot(fixture.request());
    // A second token is waited for: no sooner than a second after the first.
    let answer = fixture.while_time_passes(call).await.unwrap();
    assert_eq!((answer, fixture.token_requests(), fixture.requests()), (StatusCode::UNAUTHORIZED, 4, 8));
    fixture.assert_at_rest("hostile").await;
}
