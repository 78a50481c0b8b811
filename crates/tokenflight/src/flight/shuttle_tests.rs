//! The flight under the model checker, with the real `Shared` in it: `RUSTFLAGS="--cfg shuttle"`.
//!
//! `TOKENFLIGHT_SEEDS` sets the number of schedules of every test here; `TOKENFLIGHT_PROOF=1` adds
//! the exhaustive search.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::catch_unwind,
    pin::Pin,
    task::{Context, Poll, Wake, Waker},
};

use futures_util::FutureExt;
use shuttle::{
    Config, FailurePersistence, Runner,
    future::{JoinHandle, block_on, spawn},
    scheduler::{DfsScheduler, PctScheduler, RandomScheduler, Scheduler},
};

use super::{Flight, Join};
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering, lock};

/// Preemptions per schedule that PCT looks for. The lost wake needs two.
const PCT_DEPTH: usize = 3;

fn run(scheduler: impl Scheduler + 'static, model: impl Fn() + Send + Sync + 'static) -> usize {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::Print;
    Runner::new(scheduler, config).run(model)
}

fn seeds(default: usize) -> usize {
    std::env::var("TOKENFLIGHT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(default)
}

pub(crate) fn check(name: &str, model: impl Fn() + Send + Sync + Copy + 'static) {
    let random = run(RandomScheduler::new(seeds(50_000)), model);
    let pct = run(PctScheduler::new(PCT_DEPTH, seeds(20_000)), model);
    println!("{name}: {random} random and {pct} PCT schedules");
}

/// Every schedule there is; too many for every commit.
pub(crate) fn exhaust(name: &str, most: Option<usize>, model: impl Fn() + Send + Sync + Copy + 'static) {
    if std::env::var_os("TOKENFLIGHT_PROOF").is_none() {
        println!("{name}: exhaustive search skipped; TOKENFLIGHT_PROOF=1 runs it");
        return;
    }
    let schedules = run(DfsScheduler::new(most, false), model);
    let whole = most.is_none_or(|most| schedules < most);
    println!("{name}: {schedules} DFS schedules, {}", if whole { "all there are" } else { "then stopped" });
}

/// Work that wakes itself so often, each time with other tasks running while it is being polled.
struct Work {
    wakes: u64,
    polls: Arc<AtomicU64>,
}

impl Work {
    fn new(wakes: u64) -> (Self, Arc<AtomicU64>) {
        let polls = Arc::new(AtomicU64::new(0));
        (Self { wakes, polls: Arc::clone(&polls) }, polls)
    }
}

impl Future for Work {
    type Output = u64;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u64> {
        // The scheduler may switch at every atomic: before the wake and after it.
        let polled = self.polls.fetch_add(1, Ordering::SeqCst);
        if polled == self.wakes {
            return Poll::Ready(polled);
        }
        cx.waker().wake_by_ref();
        self.polls.load(Ordering::SeqCst);
        Poll::Pending
    }
}

fn join(flight: &Flight<u64>) -> Join<u64> {
    flight.join().unwrap()
}

/// Polls so often and then leaves, as a request that is cancelled.
pub(crate) async fn leave_after<F: Future + Unpin>(polls: usize, mut future: F) -> Option<F::Output> {
    let mut left = polls;
    poll_fn(|cx| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.poll_unpin(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // Gone without waiting to be woken.
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

pub(crate) fn done<T>(task: JoinHandle<T>) -> T {
    block_on(task).unwrap()
}

/// A polls once and leaves, B waits.
fn one_leaves_plain_shared() {
    let (work, _) = Work::new(1);
    let work = work.shared();
    let a = spawn(leave_after(1, work.clone()));
    let b = spawn(work);
    done(a);
    done(b);
}

fn one_leaves() {
    let (work, polls) = Work::new(1);
    let flight = Flight::new(Box::pin(work));
    let a = spawn(leave_after(1, join(&flight)));
    let b = spawn(join(&flight));
    done(a);
    done(b).unwrap();
    assert_eq!(polls.load(Ordering::SeqCst), 2);
}

fn two_leave_and_one_stays() {
    let (work, polls) = Work::new(2);
    let flight = Flight::new(Box::pin(work));
    let leavers = [1, 2].map(|polls| spawn(leave_after(polls, join(&flight))));
    let stayer = spawn(join(&flight));
    let _ = leavers.map(done);
    done(stayer).unwrap();
    assert_eq!(polls.load(Ordering::SeqCst), 3);
}

/// What the work waits for comes from a task of its own, as from a reactor.
fn woken_from_outside() {
    struct Bell(Mutex<(u64, Option<Waker>)>);
    let bell = Arc::new(Bell(Mutex::new((0, None))));
    let ringer = Arc::clone(&bell);
    let (polls, counter) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&polls);
    let work = poll_fn(move |cx| {
        counted.fetch_add(1, Ordering::SeqCst);
        let mut bell = lock(&bell.0);
        bell.1 = Some(cx.waker().clone());
        if bell.0 == 2 { Poll::Ready(bell.0) } else { Poll::Pending }
    });
    let flight = Flight::new(Box::pin(work));
    let a = spawn(leave_after(1, join(&flight)));
    let b = spawn(join(&flight));
    let rings = spawn(async move {
        for _ in 0..2 {
            let waker = {
                let mut bell = lock(&ringer.0);
                bell.0 += 1;
                bell.1.take()
            };
            if let Some(waker) = waker {
                counter.fetch_add(1, Ordering::SeqCst);
                waker.wake();
            }
        }
        counter.load(Ordering::SeqCst)
    });
    done(a);
    done(b).unwrap();
    let wakes = done(rings);
    let polls = polls.load(Ordering::SeqCst);
    assert!(polls <= wakes + 1, "{wakes} wakes, but the work was polled {polls} times");
}

/// A login or a logout: waiters leave, and one task keeps the work moving to its end.
fn abandoned() {
    let (work, polls) = Work::new(1);
    let flight = Flight::new(Box::pin(work));
    let waiters = [0, 1].map(|_| spawn(join(&flight)));
    let left = flight.clone();
    let login = spawn(async move {
        left.abandon();
        // A later waiter does not even begin to wait.
        assert_eq!(join(&left).await, None);
        left.stay().unwrap().await
    });
    for waiter in waiters {
        assert!(matches!(done(waiter), None | Some(1)));
    }
    assert_eq!(done(login), 1);
    assert_eq!(polls.load(Ordering::SeqCst), 2);
}

/// As above, and the work has no end.
fn abandoned_for_good() {
    let flight = Flight::new(Box::pin(std::future::pending()));
    let waiters = [0, 1].map(|_| spawn(join(&flight)));
    let login = spawn(async move { flight.abandon() });
    for waiter in waiters {
        assert_eq!(done(waiter), None);
    }
    done(login);
}

/// A driver and a shutdown stay, callers join and leave, a login abandons it all: as with a write.
fn carried_by_several() {
    let (work, polls) = Work::new(2);
    let flight = Flight::new(Box::pin(work));
    let driver = spawn(flight.stay().unwrap());
    let shutdown = spawn(leave_after(2, flight.stay().unwrap()));
    let caller = spawn(join(&flight));
    let leaver = spawn(leave_after(1, join(&flight)));
    let login = spawn(async move { flight.abandon() });
    assert_eq!(done(driver), 2);
    assert!(matches!(done(caller), None | Some(2)));
    let _ = (done(shutdown), done(leaver), done(login));
    assert_eq!(polls.load(Ordering::SeqCst), 3);
}

/// Work that waits for a clock, which it only looks at when it is polled.
fn fired() {
    let late = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&late);
    let work = poll_fn(move |_| match clock.load(Ordering::SeqCst) {
        0 => Poll::Pending,
        now => Poll::Ready(now),
    });
    let flight = Flight::new(Box::pin(work));
    let a = spawn(leave_after(1, join(&flight)));
    let b = spawn(join(&flight));
    let fires = spawn(async move {
        late.store(1, Ordering::SeqCst);
        flight.fire();
    });
    done(a);
    done(fires);
    assert_eq!(done(b), Some(1));
}

/// Why a model failed.
fn reason(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied()).unwrap_or_default()
}

/// rust-lang/futures-rs#2706. When this fails, `Shared` is mended, and `join.rs` can lose its cure.
#[test]
fn plain_shared_loses_a_wake() {
    let random = || run(RandomScheduler::new(100_000), one_leaves_plain_shared);
    let pct = || run(PctScheduler::new(PCT_DEPTH, 100_000), one_leaves_plain_shared);
    for found in [catch_unwind(random), catch_unwind(pct)] {
        let panic = found.expect_err("no lost wake was found in plain `Shared`");
        assert!(reason(&*panic).contains("deadlock"), "{}", reason(&*panic));
    }
}

#[test]
fn join_never_loses_a_wake() {
    check("one leaves", one_leaves);
    exhaust("one leaves", None, one_leaves);
}

#[test]
fn join_never_loses_a_wake_when_several_leave() {
    check("two leave and one stays", two_leave_and_one_stays);
    exhaust("two leave and one stays", Some(2_000_000), two_leave_and_one_stays);
}

#[test]
fn join_never_loses_a_wake_from_outside() {
    check("woken from outside", woken_from_outside);
    exhaust("woken from outside", Some(2_000_000), woken_from_outside);
}

#[test]
fn an_abandoned_flight_loses_its_waiters_and_keeps_who_stays() {
    check("abandoned", abandoned);
    exhaust("abandoned", Some(2_000_000), abandoned);
    check("abandoned for good", abandoned_for_good);
    exhaust("abandoned for good", Some(2_000_000), abandoned_for_good);
}

#[test]
fn a_write_carried_by_several_ends_once() {
    check("carried by several", carried_by_several);
    exhaust("carried by several", Some(2_000_000), carried_by_several);
}

#[test]
fn firing_has_the_work_polled() {
    check("fired", fired);
    exhaust("fired", Some(2_000_000), fired);
}

/// The same hazard on one thread: the work wakes itself, then polls another task that waits for it.
#[test]
fn a_waiter_that_is_polled_inside_the_work_is_woken() {
    struct Woken(AtomicBool);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    fn model() {
        let inside = Arc::new(Mutex::new(None::<Join<u64>>));
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let (polled, waker) = (Arc::clone(&inside), Waker::from(Arc::clone(&woken)));
        let work = poll_fn(move |cx| {
            cx.waker().wake_by_ref();
            let mut waiter = lock(&polled).take().unwrap();
            assert!(waiter.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
            *lock(&polled) = Some(waiter);
            Poll::Pending
        });
        let flight = Flight::new(Box::pin(work));
        *lock(&inside) = Some(join(&flight));
        assert!(join(&flight).poll_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(woken.0.load(Ordering::SeqCst));
        // Flight and waiter hold each other here.
        *lock(&inside) = None;
    }
    run(RandomScheduler::new(1), model);
}

/// The work of each waits for the other, and a timer fires both, on one thread: a wake that comes
/// round to where it began would lock `Shared`'s list of waiters, locked while they are woken.
#[test]
fn flights_that_wait_for_each_other_wake_without_a_deadlock() {
    type Place = Arc<Mutex<Option<Join<u64>>>>;
    fn waits_for(place: &Place, late: &Arc<AtomicU64>) -> Flight<u64> {
        let (place, late) = (Arc::clone(place), Arc::clone(late));
        Flight::new(Box::pin(poll_fn(move |cx| {
            if late.load(Ordering::SeqCst) > 0 {
                return Poll::Ready(1);
            }
            let Some(mut join) = lock(&place).take() else { return Poll::Pending };
            let polled = join.poll_unpin(cx);
            *lock(&place) = Some(join);
            polled.map(Option::unwrap_or_default)
        })))
    }
    fn model() {
        let (late, places) = (Arc::default(), [Place::default(), Place::default()]);
        let flights = [&places[1], &places[0]].map(|place| waits_for(place, &late));
        for (place, flight) in places.iter().zip(&flights) {
            *lock(place) = Some(join(flight));
        }
        let mut waiters = flights.each_ref().map(join);
        for waiter in &mut waiters {
            assert!(waiter.poll_unpin(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        late.store(1, Ordering::SeqCst);
        flights.iter().for_each(Flight::fire);
        for waiter in waiters {
            assert_eq!(block_on(waiter), Some(1));
        }
        // They hold each other.
        places.iter().for_each(|place| drop(lock(place).take()));
    }
    run(RandomScheduler::new(1), model);
}
