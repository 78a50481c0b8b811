//! Ten thousand requests wait for one refresh: what it costs does not grow with them.
//!
//! Without `flight/gate.rs` each wake has each waiter poll the work: ten wakes, 100,001 polls.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Poll, Waker},
    time::Duration,
};

use smol::{Executor, Task};
use tokenflight::{BoxFuture, Generation, Grant, GrantError, Session, TokenRequest, TokenSet};
use tokenflight_test::ManualTime;

const WAITERS: usize = 10_000;
const WAKES: usize = 10;
/// One poll to begin with and one for each wake; the rest is leeway for wakes of timers.
const MOST_POLLS: usize = 12;

/// A grant that is woken [`WAKES`] times, as by a reactor that reads an answer in pieces. Polling
/// it more often is of no use.
#[derive(Clone, Default)]
struct Bell(Arc<Rings>);

#[derive(Default)]
struct Rings {
    rung: AtomicUsize,
    polls: AtomicUsize,
    calls: AtomicUsize,
    waker: Mutex<Option<Waker>>,
}

impl Bell {
    fn ring(&self) {
        self.0.rung.fetch_add(1, Ordering::SeqCst);
        let waker = self.0.waker.lock().unwrap().take();
        waker.expect("the work waits").wake();
    }

    fn is_awaited(&self) -> bool {
        self.0.waker.lock().unwrap().is_some()
    }

    fn assert_few_polls(&self, how: &str) {
        let polls = self.0.polls.load(Ordering::SeqCst);
        println!("{how}: {WAITERS} waiters, {WAKES} wakes, {polls} polls of the work");
        assert_eq!(self.0.calls.load(Ordering::SeqCst), 1, "{WAITERS} waiters cost more than one token request");
        assert!(polls <= MOST_POLLS, "the work was polled {polls} times");
    }
}

impl Grant for Bell {
    fn request<'a>(&'a self, _: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        Box::pin(poll_fn(|cx| {
            self.0.polls.fetch_add(1, Ordering::SeqCst);
            *self.0.waker.lock().unwrap() = Some(cx.waker().clone());
            match self.0.rung.load(Ordering::SeqCst) {
                WAKES => Poll::Ready(Ok(TokenSet::new("access-1").refresh_token("refresh-1"))),
                _ => Poll::Pending,
            }
        }))
    }
}

/// Ten thousand requests at a session whose token has expired.
fn herd(bell: &Bell, executor: &Executor<'_>) -> Vec<Task<Generation>> {
    let time = ManualTime::new(1);
    let session = Session::builder(bell.clone()).time(time.clone()).build().unwrap();
    let login = TokenSet::new("access-0").refresh_token("refresh-0").expires_in(Duration::from_secs(60));
    time.run(session.login(login)).unwrap();
    time.advance(Duration::from_secs(61));
    let request = |session: Session| async move { session.token().await.unwrap().generation() };
    (0..WAITERS).map(|_| executor.spawn(request(session.clone()))).collect()
}

fn assert_same_generation(requests: Vec<Task<Generation>>) {
    let mut generations = requests.into_iter().map(smol::block_on);
    let first = generations.next().unwrap();
    assert!(generations.all(|generation| generation == first));
}

#[test]
fn ten_thousand_waiters_poll_the_work_no_more_often_than_one() {
    let (bell, executor) = (Bell::default(), Executor::new());
    let requests = herd(&bell, &executor);
    while executor.try_tick() {}
    for _ in 0..WAKES {
        assert!(requests.iter().all(|request| !request.is_finished()));
        bell.ring();
        while executor.try_tick() {}
    }
    assert_same_generation(requests);
    bell.assert_few_polls("one thread");
}

#[test]
fn ten_thousand_waiters_on_two_threads_poll_the_work_no_more_often_than_one() {
    let (bell, executor) = (Bell::default(), Executor::new());
    let requests = herd(&bell, &executor);
    let (stop, stopped) = smol::channel::bounded::<()>(1);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| smol::block_on(executor.run(async { stopped.recv().await.unwrap_err() })));
        }
        for _ in 0..WAKES {
            while !bell.is_awaited() {
                std::thread::yield_now();
            }
            bell.ring();
        }
        assert_same_generation(requests);
        drop(stop);
    });
    bell.assert_few_polls("two threads");
}
