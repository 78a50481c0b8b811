//! Time that moves only when the test says so.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use tokenflight_core::{Now, Sleep, Time};

use crate::lock::lock;

/// Where the boot clock of a fresh [`ManualTime`] stands. Not zero, so "earlier than now" exists.
const BOOT: Duration = Duration::from_secs(1_000);
/// Where the wall clock of a fresh [`ManualTime`] stands: in November 2023.
const WALL: Duration = Duration::from_secs(1_700_000_000);

/// A [`Time`] that stands still until it is moved. Cloning shares it.
///
/// It tells apart what real clocks tell apart: awake time moves timers
/// ([`advance`](Self::advance)); time in suspend moves both clocks but no timer
/// ([`suspend`](Self::suspend)); and the wall clock may be set
/// ([`step_wall_forward`](Self::step_wall_forward), [`step_wall_back`](Self::step_wall_back)).
///
/// Timers count from the moment they are made, polled or not. Wakers run in the order of the
/// deadlines and outside the lock, on the thread that moved the time.
///
/// ```
/// use std::{future::Future, task::{Context, Poll, Waker}, time::Duration};
/// use tokenflight_core::Time;
/// use tokenflight_test::ManualTime;
///
/// let time = ManualTime::new(7);
/// let mut sleep = time.sleep(Duration::from_secs(10));
/// let mut cx = Context::from_waker(Waker::noop());
/// assert!(sleep.as_mut().poll(&mut cx).is_pending());
/// assert_eq!(time.next_wake(), Some(Duration::from_secs(10)));
///
/// time.suspend(Duration::from_secs(3_600)); // The laptop lid: the clocks went on, the timer did not.
/// assert!(sleep.as_mut().poll(&mut cx).is_pending());
/// time.advance(Duration::from_secs(10));
/// assert!(sleep.as_mut().poll(&mut cx).is_ready());
/// ```
#[derive(Clone)]
pub struct ManualTime(Arc<Mutex<Inner>>);

struct Inner {
    boot: Duration,
    wall: Duration,
    /// What timers count: CLOCK_MONOTONIC, which stands still in suspend.
    awake: Duration,
    /// Timers that have not fired, by deadline and age.
    sleeps: BTreeMap<(Duration, u64), Option<Waker>>,
    made: u64,
    random: fastrand::Rng,
}

impl ManualTime {
    /// Time that stands still, with chance from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            boot: BOOT,
            wall: WALL,
            awake: Duration::ZERO,
            sleeps: BTreeMap::new(),
            made: 0,
            random: fastrand::Rng::with_seed(seed),
        })))
    }

    /// A clone as the shared trait object that constructors ask for.
    #[must_use]
    pub fn shared(&self) -> Arc<dyn Time> {
        Arc::new(self.clone())
    }

    /// Both clocks, as [`Time::now`] tells them.
    #[must_use]
    pub fn now(&self) -> Now {
        let inner = lock(&self.0);
        Now::new(inner.boot, inner.wall)
    }

    /// Moves both clocks and all timers on by `duration`, and wakes what is due, in deadline order.
    ///
    /// The clocks stand at the end of the duration when the first waker runs. To see every deadline
    /// at its own moment, use [`advance_to_next`](Self::advance_to_next).
    pub fn advance(&self, duration: Duration) {
        let due = {
            let mut inner = lock(&self.0);
            inner.boot = inner.boot.saturating_add(duration);
            inner.wall = inner.wall.saturating_add(duration);
            inner.awake = inner.awake.saturating_add(duration);
            inner.take_due()
        };
        due.into_iter().for_each(Waker::wake);
    }

    /// Puts the machine to sleep for `duration`: both clocks move on, no timer does.
    pub fn suspend(&self, duration: Duration) {
        let mut inner = lock(&self.0);
        inner.boot = inner.boot.saturating_add(duration);
        inner.wall = inner.wall.saturating_add(duration);
    }

    /// Sets the wall clock forward by `step`. Nothing else moves.
    pub fn step_wall_forward(&self, step: Duration) {
        let mut inner = lock(&self.0);
        inner.wall = inner.wall.saturating_add(step);
    }

    /// Sets the wall clock back by `step`, at most to the Unix epoch. Nothing else moves.
    pub fn step_wall_back(&self, step: Duration) {
        let mut inner = lock(&self.0);
        inner.wall = inner.wall.saturating_sub(step);
    }

    /// Time until the earliest timer fires; `None` if there is none.
    #[must_use]
    pub fn next_wake(&self) -> Option<Duration> {
        let inner = lock(&self.0);
        inner.sleeps.keys().next().map(|(deadline, _)| deadline.saturating_sub(inner.awake))
    }

    /// [Advances](Self::advance) to the earliest timer. `false` if there is none.
    ///
    /// Returns `true` also if the timer is dropped by another thread meanwhile.
    pub fn advance_to_next(&self) -> bool {
        let next = self.next_wake();
        if let Some(duration) = next {
            self.advance(duration);
        }
        next.is_some()
    }

    /// Polls `future` to its end on this thread, moving the time to the next timer whenever nothing
    /// else can happen.
    ///
    /// For futures that wait for nothing but this time and each other. An executor with threads or
    /// I/O of its own needs [`advance`](Self::advance) in its test instead.
    ///
    /// # Panics
    ///
    /// If the future waits and no timer is left that could wake it.
    #[track_caller]
    pub fn run<F: Future>(&self, future: F) -> F::Output {
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(woken.clone());
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
                return output;
            }
            while !woken.0.swap(false, Ordering::AcqRel) {
                assert!(self.advance_to_next(), "the future waits, and no timer is left that could wake it");
            }
        }
    }

    /// How many timers have been made and have neither fired nor been dropped.
    #[must_use]
    pub fn pending_sleeps(&self) -> usize {
        lock(&self.0).sleeps.len()
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Inner {
    fn take_due(&mut self) -> Vec<Waker> {
        let mut due = Vec::new();
        while let Some(entry) = self.sleeps.first_entry() {
            if entry.key().0 > self.awake {
                break;
            }
            due.extend(entry.remove());
        }
        due
    }
}

impl fmt::Debug for ManualTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = lock(&self.0);
        f.debug_struct("ManualTime")
            .field("boot", &inner.boot)
            .field("wall", &inner.wall)
            .field("sleeps", &inner.sleeps.len())
            .finish()
    }
}

impl Time for ManualTime {
    fn now(&self) -> Now {
        Self::now(self)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut inner = lock(&self.0);
        let id = inner.made;
        inner.made += 1;
        let deadline = inner.awake.saturating_add(duration);
        if !duration.is_zero() {
            inner.sleeps.insert((deadline, id), None);
        }
        drop(inner);
        Box::pin(ManualSleep { time: self.clone(), key: (deadline, id) })
    }

    fn random(&self) -> u64 {
        lock(&self.0).random.u64(..)
    }
}

struct ManualSleep {
    time: ManualTime,
    key: (Duration, u64),
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = lock(&self.time.0);
        // Only a due timer is taken out while its future lives.
        let Some(waker) = inner.sleeps.get_mut(&self.key) else { return Poll::Ready(()) };
        if waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        let old = waker.replace(cx.waker().clone());
        // The old waker goes after the lock: its drop may drop a task, and with it another sleep.
        drop(inner);
        drop(old);
        Poll::Pending
    }
}

impl Drop for ManualSleep {
    fn drop(&mut self) {
        // Dropped after the lock, as above.
        let _waker = lock(&self.time.0).sleeps.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct Order(usize, Arc<Mutex<Vec<usize>>>);

    impl Wake for Order {
        fn wake(self: Arc<Self>) {
            self.1.lock().unwrap().push(self.0);
        }
    }

    fn poll(sleep: &mut Sleep) -> bool {
        sleep.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn due_sleeps_wake_in_the_order_of_their_deadlines() {
        let time = ManualTime::new(0);
        let woken = Arc::new(Mutex::new(Vec::new()));
        let mut sleeps: Vec<_> = [3, 1, 2, 9].map(|n| (n, time.sleep(SECOND * n))).into();
        for (n, sleep) in &mut sleeps {
            let waker = Waker::from(Arc::new(Order(*n as usize, woken.clone())));
            assert!(sleep.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        time.advance(SECOND * 3);
        assert_eq!(*woken.lock().unwrap(), [1, 2, 3]);
        assert_eq!(time.pending_sleeps(), 1);
        assert!(poll(&mut sleeps[0].1) && !poll(&mut sleeps[3].1));
    }

    #[test]
    fn a_waker_may_use_the_time_it_was_woken_by() {
        struct Ask(ManualTime, AtomicUsize);
        impl Wake for Ask {
            fn wake(self: Arc<Self>) {
                self.1.store(self.0.pending_sleeps() + 1, Ordering::SeqCst);
            }
        }
        let time = ManualTime::new(0);
        let ask = Arc::new(Ask(time.clone(), AtomicUsize::new(0)));
        let mut sleep = time.sleep(SECOND);
        assert!(sleep.as_mut().poll(&mut Context::from_waker(&Waker::from(ask.clone()))).is_pending());
        time.advance(SECOND);
        assert_eq!(ask.1.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn suspend_moves_the_clocks_and_no_timer() {
        let time = ManualTime::new(0);
        let before = time.now();
        let mut sleep = time.sleep(SECOND * 5);
        time.suspend(SECOND * 60);
        assert!(!poll(&mut sleep));
        assert_eq!(time.next_wake(), Some(SECOND * 5));
        assert_eq!(time.now().boot - before.boot, SECOND * 60);
        assert_eq!(time.now().wall - before.wall, SECOND * 60);
    }

    #[test]
    fn a_step_of_the_wall_clock_moves_nothing_else() {
        let time = ManualTime::new(0);
        let before = time.now();
        let _sleep = time.sleep(SECOND * 5);
        time.step_wall_forward(SECOND * 90);
        time.step_wall_back(SECOND * 100);
        assert_eq!(time.now(), Now::new(before.boot, before.wall - SECOND * 10));
        assert_eq!(time.next_wake(), Some(SECOND * 5));
    }

    #[test]
    fn a_dropped_sleep_is_forgotten_and_a_zero_one_is_due_at_once() {
        let time = ManualTime::new(0);
        drop(time.sleep(SECOND));
        assert!(poll(&mut time.sleep(Duration::ZERO)));
        assert_eq!(time.next_wake(), None);
        assert!(!time.advance_to_next());
    }

    #[test]
    fn an_endless_sleep_does_not_overflow() {
        let time = ManualTime::new(0);
        time.advance(SECOND);
        let mut sleep = time.sleep(Duration::MAX);
        time.advance(SECOND);
        assert!(!poll(&mut sleep));
    }

    #[test]
    fn running_a_future_takes_exactly_the_time_of_its_timers() {
        let time = ManualTime::new(0);
        let before = time.now().boot;
        time.run(async {
            time.sleep(SECOND).await;
            time.sleep(SECOND * 2).await;
        });
        assert_eq!(time.now().boot - before, SECOND * 3);
    }

    #[test]
    #[should_panic(expected = "no timer is left")]
    fn running_a_future_that_waits_for_nothing_panics() {
        ManualTime::new(0).run(std::future::pending::<()>());
    }

    #[test]
    fn the_same_seed_gives_the_same_chance() {
        let draw = |seed| {
            let time = ManualTime::new(seed);
            [time.random(), time.random()]
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
