//! Polls the work only when its own waker fired, and knows which thread is polling it.

use std::{
    cell::Cell,
    future::Future,
    pin::Pin,
    ptr,
    task::{Context, Poll, Wake, Waker},
};

use tokenflight_core::BoxFuture;

use crate::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering, lock, thread_local};

thread_local! {
    /// Whether the gate of the innermost [`Join`](super::Join) polled on this thread was reached.
    static REACHED: Cell<bool> = const { Cell::new(false) };
    /// Where this is, is this thread's name for the time it exists.
    static HERE: Cell<u8> = const { Cell::new(0) };
}

/// The waker the work sees: notes that it fired, then wakes all waiters.
pub(crate) struct Flag {
    fired: AtomicBool,
    /// `Shared`'s own waker, the same at every poll: it wakes all waiters.
    all: Mutex<Option<Waker>>,
    /// There was a login or logout: waiters leave, the work goes on.
    abandoned: AtomicBool,
    /// There was a logout since.
    logged_out: AtomicBool,
    /// The thread that is polling the work; zero if there is none.
    poller: AtomicUsize,
}

impl Flag {
    pub(crate) const fn new() -> Self {
        // Fired, so that the first poll reaches the work.
        Self {
            fired: AtomicBool::new(true),
            all: Mutex::new(None),
            abandoned: AtomicBool::new(false),
            logged_out: AtomicBool::new(false),
            poller: AtomicUsize::new(0),
        }
    }

    #[inline]
    pub(crate) fn fired(&self) -> bool {
        self.fired.load(Ordering::SeqCst)
    }

    /// Wakes all waiters, without letting the work be polled.
    pub(crate) fn wake_all(&self) {
        // Cloned out: a waker must not be called with the lock held.
        let all = lock(&self.all).clone();
        if let Some(all) = all {
            all.wake();
        }
    }

    /// Notes how to wake the waiters.
    fn meet(&self, waker: &Waker) {
        *lock(&self.all) = Some(waker.clone());
        // Abandoned before a waiter could be woken: one that began to wait then was told nothing.
        if self.is_abandoned() {
            self.wake_all();
        }
    }

    /// Has the work polled by a waiter, so that it looks at the clock.
    ///
    /// The waiters are woken once for all that fires until the next poll. So a wake never
    /// re-enters: two flights that wait for each other do not wake each other in a circle, with the
    /// waiters' list of each locked.
    pub(crate) fn fire(&self) {
        if !self.fired.swap(true, Ordering::SeqCst) {
            self.wake_all();
        }
    }

    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::SeqCst);
        self.wake_all();
    }

    #[inline]
    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::SeqCst)
    }

    pub(crate) fn log_out(&self) {
        self.logged_out.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_logged_out(&self) -> bool {
        self.logged_out.load(Ordering::SeqCst)
    }

    /// Whether this thread is inside the work of this flight right now.
    #[inline]
    pub(crate) fn polled_here(&self) -> bool {
        // What another thread writes is never this thread's name, whenever it is seen.
        here().is_some_and(|here| self.poller.load(Ordering::Relaxed) == here)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.fire();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.fire();
    }
}

/// This thread's name. A thread that ends and has no thread-locals any more is inside no work.
#[inline]
fn here() -> Option<usize> {
    HERE.try_with(|here| ptr::from_ref(here).addr()).ok()
}

/// The work behind its gate.
pub(crate) struct Gate<T> {
    work: BoxFuture<'static, T>,
    flag: Arc<Flag>,
    /// Whether the flag knows how to wake the waiters.
    met: bool,
}

impl<T> Gate<T> {
    pub(crate) fn new(work: BoxFuture<'static, T>, flag: Arc<Flag>) -> Self {
        Self { work, flag, met: false }
    }
}

impl<T> Future for Gate<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let _ = REACHED.try_with(|reached| reached.set(true));
        if !self.met {
            self.met = true;
            self.flag.meet(cx.waker());
        }
        // Cleared before the poll, so that a wake during it is not lost.
        if !self.flag.fired.swap(false, Ordering::SeqCst) {
            return Poll::Pending;
        }
        let Self { work, flag, .. } = &mut *self;
        let _inside = Inside::enter(flag);
        let waker = Waker::from(Arc::clone(flag));
        work.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

/// While it lives, this thread is inside the flight's work; also if the work panics.
struct Inside<'a>(&'a Flag);

impl<'a> Inside<'a> {
    fn enter(flag: &'a Flag) -> Self {
        flag.poller.store(here().unwrap_or_default(), Ordering::Relaxed);
        Self(flag)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.poller.store(0, Ordering::Relaxed);
    }
}

/// Watches whether a gate is reached while it lives. Nests: a grant may wait for another session's
/// flight inside its own.
pub(crate) struct Reach {
    outer: bool,
}

impl Reach {
    #[inline]
    pub(crate) fn watch() -> Self {
        Self { outer: REACHED.try_with(|reached| reached.replace(false)).unwrap_or(false) }
    }

    #[inline]
    pub(crate) fn reached(&self) -> bool {
        REACHED.try_with(Cell::get).unwrap_or(true)
    }
}

impl Drop for Reach {
    #[inline]
    fn drop(&mut self) {
        let _ = REACHED.try_with(|reached| reached.set(self.outer));
    }
}
