//! All tasks of a test together.

use std::{
    fmt,
    future::{Future, poll_fn},
    panic::Location,
    pin::pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use tokenflight_core::BoxFuture;

use super::task::{Tally, Task};
use crate::{ManualTime, lock::lock};

/// Nothing takes longer, by manual time.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Nothing takes that many turns of an executor to come to rest.
const RESTLESS: u32 = 50_000_000;

/// Tasks over [`ManualTime`], and a way to wait until none of them moves any more. Cloning shares.
///
/// Every task is counted from its wake to the end of its poll, so "all is quiet" is a fact and not
/// a guess, also on several threads: a test moves the time one timer at a time. The tasks run where
/// [`on`](Self::on) puts them, or, after [`new`](Self::new), on the thread that waits for them.
///
/// They may wait for each other and for the manual time, but not for I/O or uncounted threads.
///
/// ```
/// use std::time::Duration;
/// use tokenflight_core::Time;
/// use tokenflight_test::{ManualTime, Tasks};
///
/// let time = ManualTime::new(0);
/// let tasks = Tasks::new(&time);
/// tasks.block_on(async {
///     let sleep = time.sleep(Duration::from_secs(60));
///     let task = tasks.spawn(sleep);
///     tasks.pass(Duration::from_secs(59)).await;
///     assert!(!task.is_over());
///     tasks.pass(Duration::from_secs(1)).await;
///     assert!(task.is_over());
/// });
/// ```
#[derive(Clone)]
pub struct Tasks {
    time: ManualTime,
    spawn: Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>,
    tally: Arc<Tally>,
    /// Tasks that no executor polls.
    own: Arc<Mutex<Vec<BoxFuture<'static, ()>>>>,
}

impl Tasks {
    /// Tasks that are polled by whatever waits for them.
    #[must_use]
    pub fn new(time: &ManualTime) -> Self {
        let own = Arc::<Mutex<Vec<_>>>::default();
        let queue = Arc::clone(&own);
        let spawn = Arc::new(move |task| lock(&queue).push(task));
        Self { time: time.clone(), spawn, tally: Arc::default(), own }
    }

    /// Tasks on an executor: `spawn` hands it each of them.
    #[must_use]
    pub fn on(time: &ManualTime, spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static) -> Self {
        Self { time: time.clone(), spawn: Arc::new(spawn), tally: Arc::default(), own: Arc::default() }
    }

    /// The time that they wait for.
    #[must_use]
    pub const fn time(&self) -> &ManualTime {
        &self.time
    }

    /// Starts a task.
    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Task<T> {
        let (task, polled) = Task::begin(work, &self.tally);
        (self.spawn)(polled);
        task
    }

    /// Waits until every task rests. The time does not move.
    ///
    /// # Panics
    ///
    /// If a task panicked, or wakes itself for ever.
    pub async fn quiet(&self) {
        let mut turns = 0_u32;
        poll_fn(|cx| {
            turns += 1;
            assert!(turns < RESTLESS, "a task wakes itself for ever");
            self.poll_own(cx);
            assert!(!self.tally.panicked.load(Ordering::SeqCst), "a task panicked");
            if self.tally.busy.load(Ordering::SeqCst) == 0 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    fn poll_own(&self, cx: &mut Context<'_>) {
        // A task may start another one.
        let mut tasks = std::mem::take(&mut *lock(&self.own));
        tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
        let mut own = lock(&self.own);
        tasks.append(&mut own);
        *own = tasks;
    }

    /// Lets awake time pass, one timer after the other.
    ///
    /// # Panics
    ///
    /// As [`quiet`](Self::quiet).
    pub async fn pass(&self, duration: Duration) {
        let end = self.time.now().boot.saturating_add(duration);
        loop {
            self.quiet().await;
            let left = end.saturating_sub(self.time.now().boot);
            if left.is_zero() {
                return;
            }
            let next = self.time.next_wake().map_or(left, |next| next.min(left));
            self.time.advance(next.max(Duration::from_nanos(1)));
        }
    }

    /// Moves the time from timer to timer until something is the case.
    ///
    /// # Panics
    ///
    /// If it does not come to that, and as [`quiet`](Self::quiet).
    #[track_caller]
    pub fn until<'a>(&'a self, holds: impl Fn() -> bool + Send + 'a) -> impl Future<Output = ()> + Send + 'a {
        self.until_some(move || holds().then_some(()), Location::caller())
    }

    /// Runs something to its end as a task, moving the time as far as it takes.
    ///
    /// # Panics
    ///
    /// If it waits for ever, and as [`quiet`](Self::quiet).
    #[track_caller]
    pub fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + '_ {
        let task = self.spawn(work);
        self.until_some(move || task.take(), Location::caller())
    }

    async fn until_some<T>(&self, holds: impl Fn() -> Option<T> + Send, place: &'static Location<'static>) -> T {
        let start = self.time.now().boot;
        loop {
            self.quiet().await;
            if let Some(value) = holds() {
                return value;
            }
            assert!(self.time.advance_to_next(), "{place}: it waits, and no timer is left that could wake it");
            assert!(self.time.now().boot - start < PATIENCE, "{place}: it does not come to that in a day");
        }
    }

    /// Polls a future on this thread until it is done: the frame of a test without an executor. It
    /// does not move the time; await [`run`](Self::run), [`pass`](Self::pass) or
    /// [`until`](Self::until) in it.
    ///
    /// # Panics
    ///
    /// If it waits for anything else.
    #[track_caller]
    pub fn block_on<T>(&self, test: impl Future<Output = T>) -> T {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut test = pin!(test);
        while woken.0.swap(false, Ordering::SeqCst) {
            if let Poll::Ready(value) = test.as_mut().poll(&mut Context::from_waker(&waker)) {
                return value;
            }
        }
        panic!("the test waits for something that is not one of its tasks");
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("busy", &self.tally.busy).finish_non_exhaustive()
    }
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}
