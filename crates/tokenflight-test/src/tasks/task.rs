//! One task, counted while it moves.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use tokenflight_core::BoxFuture;

use crate::lock::lock;

/// What is known of all tasks together.
#[derive(Default)]
pub(super) struct Tally {
    /// Tasks that were woken, or are being polled.
    pub(super) busy: AtomicUsize,
    pub(super) panicked: AtomicBool,
}

/// A task that was [spawned](super::Tasks::spawn). Dropping this detaches it.
pub struct Task<T> {
    task: Arc<Counted>,
    result: Arc<Mutex<Option<T>>>,
}

impl<T: Send + 'static> Task<T> {
    /// A task that is woken already, and its future for an executor.
    pub(super) fn begin(
        work: impl Future<Output = T> + Send + 'static,
        tally: &Arc<Tally>,
    ) -> (Self, BoxFuture<'static, ()>) {
        let result = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&result);
        let work = Box::pin(async move {
            let value = work.await;
            *lock(&slot) = Some(value);
        });
        let task = Arc::new(Counted {
            work: Mutex::new(Some(work)),
            mark: Mutex::new(Mark { woken: true, ..Mark::default() }),
            tally: Arc::clone(tally),
        });
        tally.busy.fetch_add(1, Ordering::SeqCst);
        (Self { task: Arc::clone(&task), result }, Box::pin(Polled(task)))
    }
}

impl<T> Task<T> {
    /// Its result, once it has ended; once.
    #[must_use]
    pub fn take(&self) -> Option<T> {
        lock(&self.result).take()
    }

    /// Whether it has ended or was cancelled.
    #[must_use]
    pub fn is_over(&self) -> bool {
        lock(&self.task.mark).over
    }

    /// Its result; it must have ended.
    ///
    /// # Panics
    ///
    /// If it has not.
    #[must_use]
    #[track_caller]
    pub fn ended(self) -> T {
        self.take().expect("the task has ended")
    }

    /// Drops its future where it stands.
    pub fn cancel(self) {
        let work = lock(&self.task.work).take();
        drop(work);
        self.task.wake_by_ref();
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}

/// A task that counts itself while it is woken or polled.
struct Counted {
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

impl Wake for Counted {
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

/// The task as the executor has it.
struct Polled(Arc<Counted>);

impl Future for Polled {
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
    task: &'a Counted,
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
        // A wake that came during the last poll is counted, and no poll will take it off.
        let late = usize::from(mark.over && std::mem::replace(&mut mark.woken, false));
        self.task.tally.busy.fetch_sub(1 + late, Ordering::SeqCst);
    }
}
