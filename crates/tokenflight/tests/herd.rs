//! Ten thousand requests wait for one refresh: what it costs does not grow with them.
//!
//! Without the gate in `flight/gate.rs` every wake of the work has every waiter poll it: five wakes, 50,001 polls.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use smol::Executor;
use tokenflight::{Session, TokenSet};
use tokenflight_test::{ManualTime, MockGrant};

const WAITERS: usize = 10_000;
const WAKES: usize = 5;
/// One poll to begin with and one for each wake; the rest is leeway for wakes of timers.
const MOST_POLLS: usize = 10;

/// A session whose token has expired, and a grant that wakes itself [`WAKES`] times.
fn stale() -> (ManualTime, MockGrant, Session) {
    let (time, grant) = (ManualTime::new(1), MockGrant::new());
    grant.set_yields(WAKES);
    let session = Session::builder(grant.clone()).time(time.clone()).build().unwrap();
    let login = TokenSet::new("access-0").refresh_token("refresh-0").expires_in(Duration::from_secs(60));
    time.run(session.login(login)).unwrap();
    time.advance(Duration::from_secs(61));
    (time, grant, session)
}

fn assert_few_polls(grant: &MockGrant, how: &str) {
    println!("{how}: {WAITERS} waiters, {WAKES} wakes, {} polls of the work", grant.polls());
    assert_eq!(grant.count(), 1, "{WAITERS} waiters cost more than one token request");
    assert!(grant.polls() <= MOST_POLLS, "the work was polled {} times", grant.polls());
}

#[test]
fn ten_thousand_waiters_poll_the_work_no_more_often_than_one() {
    let (time, grant, session) = stale();
    let tokens = time.run(join_all((0..WAITERS).map(|_| session.token())));
    let generation = tokens[0].as_ref().unwrap().generation();
    assert!(tokens.iter().all(|token| token.as_ref().is_ok_and(|token| token.generation() == generation)));
    assert_few_polls(&grant, "one thread");
}

#[test]
fn ten_thousand_waiters_on_two_threads_poll_the_work_no_more_often_than_one() {
    let (_time, grant, session) = stale();
    let executor = Executor::new();
    // Nothing is answered before everybody waits.
    grant.gate().close();
    let served = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..WAITERS)
        .map(|_| {
            let (session, served) = (session.clone(), Arc::clone(&served));
            executor.spawn(async move {
                let token = session.token().await.unwrap();
                served.fetch_add(1, Ordering::SeqCst);
                token.generation()
            })
        })
        .collect();
    let all = async {
        grant.gate().until_parked(1).await;
        assert_eq!(served.load(Ordering::SeqCst), 0);
        grant.gate().open();
        join_all(tasks).await
    };
    let generations = std::thread::scope(|scope| {
        let (stop, stopped) = smol::channel::bounded::<()>(1);
        let executor = &executor;
        scope.spawn(move || smol::block_on(executor.run(async { stopped.recv().await.unwrap_err() })));
        let generations = smol::block_on(executor.run(all));
        drop(stop);
        generations
    });
    assert!(generations.iter().all(|generation| *generation == generations[0]));
    assert_few_polls(&grant, "two threads");
}
