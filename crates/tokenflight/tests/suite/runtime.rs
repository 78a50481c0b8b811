//! What a scenario stands on: manual time, and tasks whose rest can be waited for under any executor.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::Duration,
};

use tokenflight::BoxFuture;
use tokenflight_test::ManualTime;

/// How an executor takes a task; given to the scenarios by the executor's own test file.
pub(crate) type Spawn = Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>;

/// Nothing in a scenario takes longer.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Nothing in a scenario takes that many turns of the executor to come to rest.
const RESTLESS: u32 = 50_000_000;

/// Time, tasks, and a way to wait until nothing moves any more. Cloning shares.
///
/// Every spawned task is counted from its wake to the end of its poll, so "all is quiet" is a fact and not a guess, also
/// on several threads. That lets the scenarios move the time one timer at a time.
#[derive(Clone)]
pub(crate) struct Runtime {
    pub(crate) time: ManualTime,
    spawn: Spawn,
    tally: Arc<Tally>,
}

#[derive(Default)]
struct Tally {
    /// Tasks that were woken, or are being polled.
    busy: AtomicUsize,
    panicked: AtomicBool,
}

impl Runtime {
    pub(crate) fn new(spawn: Spawn) -> Self {
        Self { time: ManualTime::new(7), spawn, tally: Arc::default() }
    }

    /// Starts a task on the executor under test.
    pub(crate) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Handle<T> {
        let result = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&result);
        let work = Box::pin(async move {
            let value = work.await;
            *lock(&slot) = Some(value);
        });
        let task = Arc::new(Task {
            work: Mutex::new(Some(work)),
            mark: Mutex::new(Mark { woken: true, ..Mark::default() }),
            tally: Arc::clone(&self.tally),
        });
        self.tally.busy.fetch_add(1, Ordering::SeqCst);
        (self.spawn)(Box::pin(Tracked(Arc::clone(&task))));
        Handle { task, result }
    }

    /// Waits until every task rests.
    pub(crate) async fn quiet(&self) {
        let mut polls = 0_u32;
        poll_fn(|cx| {
            polls += 1;
            assert!(polls < RESTLESS, "a task of the scenario wakes itself for ever");
            assert!(!self.tally.panicked.load(Ordering::SeqCst), "a task of the scenario panicked");
            if self.tally.busy.load(Ordering::SeqCst) == 0 {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Lets awake time pass, one timer after the other.
    pub(crate) async fn pass(&self, duration: Duration) {
        let end = self.boot().saturating_add(duration);
        loop {
            self.quiet().await;
            let left = end.saturating_sub(self.boot());
            if left.is_zero() {
                return;
            }
            self.time.advance(self.time.next_wake().map_or(left, |next| next.min(left)).max(Duration::from_nanos(1)));
        }
    }

    /// Moves the time from timer to timer until something is the case.
    #[track_caller]
    pub(crate) fn until<'a>(&'a self, holds: impl Fn() -> bool + Send + 'a) -> impl Future<Output = ()> + Send + 'a {
        let place = std::panic::Location::caller();
        async move {
            let start = self.boot();
            loop {
                self.quiet().await;
                if holds() {
                    return;
                }
                assert!(self.time.advance_to_next(), "{place}: nothing will ever happen again");
                assert!(self.boot() - start < PATIENCE, "{place}: it does not come to that");
            }
        }
    }

    /// Runs something to its end as a task, moving the time as far as it takes.
    #[track_caller]
    pub(crate) fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> impl Future<Output = T> + Send + '_ {
        let place = std::panic::Location::caller();
        let handle = self.spawn(work);
        async move {
            let start = self.boot();
            loop {
                self.quiet().await;
                if let Some(value) = handle.take() {
                    return value;
                }
                assert!(self.time.advance_to_next(), "{place}: it waits, and nothing will ever happen again");
                assert!(self.boot() - start < PATIENCE, "{place}: it does not end");
            }
        }
    }

    /// Time on the boot clock.
    pub(crate) fn boot(&self) -> Duration {
        self.time.now().boot
    }
}

/// A task of a scenario.
pub(crate) struct Handle<T> {
    task: Arc<Task>,
    result: Arc<Mutex<Option<T>>>,
}

impl<T> Handle<T> {
    /// Its result, once it has ended.
    pub(crate) fn take(&self) -> Option<T> {
        lock(&self.result).take()
    }

    /// Its result; it must have ended.
    #[track_caller]
    pub(crate) fn ended(self) -> T {
        self.take().expect("the task has ended")
    }

    /// Drops its future where it stands.
    pub(crate) fn cancel(self) {
        let work = lock(&self.task.work).take();
        drop(work);
        self.task.wake_by_ref();
    }
}

struct Task {
    work: Mutex<Option<BoxFuture<'static, ()>>>,
    mark: Mutex<Mark>,
    tally: Arc<Tally>,
}

#[derive(Default)]
struct Mark {
    woken: bool,
    over: bool,
    executor: Option<Waker>,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut mark = lock(&self.mark);
        if mark.over || std::mem::replace(&mut mark.woken, true) {
            return;
        }
        self.tally.busy.fetch_add(1, Ordering::SeqCst);
        let executor = mark.executor.clone();
        drop(mark);
        if let Some(executor) = executor {
            executor.wake();
        }
    }
}

struct Tracked(Arc<Task>);

impl Future for Tracked {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let task = &self.0;
        let mut mark = lock(&task.mark);
        mark.executor = Some(cx.waker().clone());
        if !std::mem::replace(&mut mark.woken, false) {
            return Poll::Pending;
        }
        drop(mark);
        let polling = Polling { task, whole: false };
        let waker = Waker::from(Arc::clone(task));
        let mut work = lock(&task.work);
        let over = work.as_mut().is_none_or(|work| work.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
        if over {
            *work = None;
            lock(&task.mark).over = true;
        }
        drop(work);
        polling.end();
        if over { Poll::Ready(()) } else { Poll::Pending }
    }
}

/// One poll; takes the task off the tally, also if it panics.
struct Polling<'a> {
    task: &'a Task,
    whole: bool,
}

impl Polling<'_> {
    fn end(mut self) {
        self.whole = true;
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        let mut mark = lock(&self.task.mark);
        if !self.whole {
            mark.over = true;
            self.task.tally.panicked.store(true, Ordering::SeqCst);
        }
        // A wake that came during the last poll is counted, and nothing will take it off.
        let stray = usize::from(mark.over && std::mem::replace(&mut mark.woken, false));
        self.task.tally.busy.fetch_sub(1 + stray, Ordering::SeqCst);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
