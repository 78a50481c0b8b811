//! Polls the work only when its own waker fired, and knows which flights a thread is polling.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    pin::Pin,
    task::{Context, Poll, Wake, Waker},
};

use tokenflight_core::BoxFuture;

use crate::sync::{Arc, AtomicBool, Mutex, Ordering, lock, thread_local};

thread_local! {
    /// Whether the gate of the innermost [`Join`](super::Join) being polled on this thread was reached.
    static REACHED: Cell<bool> = const { Cell::new(false) };
    /// The flights whose work is being polled on this thread, outermost first.
    static POLLED: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// The waker the work sees: notes that it fired, then wakes all waiters.
pub(crate) struct Flag {
    fired: AtomicBool,
    /// `Shared`'s own waker, the same at every poll: it wakes all waiters.
    all: Mutex<Option<Waker>>,
    /// There was a login or logout: waiters leave, the work goes on.
    abandoned: AtomicBool,
}

impl Flag {
    pub(crate) const fn new() -> Self {
        // Fired, so that the first poll reaches the work.
        Self { fired: AtomicBool::new(true), all: Mutex::new(None), abandoned: AtomicBool::new(false) }
    }

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
        // Abandoned before a waiter could be woken: a caller that began to wait in that window was told nothing.
        if self.is_abandoned() {
            self.wake_all();
        }
    }

    /// Has the work polled by a waiter, so that it looks at the clock.
    ///
    /// The waiters are woken once for all that fires until the next poll. So a wake never re-enters: two flights that wait for
    /// each other do not wake each other in a circle, with the waiters' list of each locked.
    pub(crate) fn fire(&self) {
        if !self.fired.swap(true, Ordering::SeqCst) {
            self.wake_all();
        }
    }

    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::SeqCst);
        self.wake_all();
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::SeqCst)
    }

    /// Whether this thread is inside the work of this flight right now.
    pub(crate) fn polled_here(self: &Arc<Self>) -> bool {
        let name = name(self);
        // A thread that ends has no thread-locals any more, and is inside no work.
        POLLED.try_with(|polled| polled.borrow().contains(&name)).unwrap_or(false)
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

/// A flight's name for the time it exists: where its flag is.
fn name(flag: &Arc<Flag>) -> usize {
    Arc::as_ptr(flag) as usize
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
        let _inside = Inside::enter(&self.flag);
        let waker = Waker::from(Arc::clone(&self.flag));
        self.work.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

/// While it lives, this thread is inside a flight's work; also if the work panics.
struct Inside;

impl Inside {
    fn enter(flag: &Arc<Flag>) -> Self {
        let name = name(flag);
        let _ = POLLED.try_with(|polled| polled.borrow_mut().push(name));
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = POLLED.try_with(|polled| polled.borrow_mut().pop());
    }
}

/// Watches whether a gate is reached while it lives. Nests: a grant may wait for another session's flight inside its own.
pub(crate) struct Reach {
    outer: bool,
}

impl Reach {
    pub(crate) fn watch() -> Self {
        Self { outer: REACHED.try_with(|reached| reached.replace(false)).unwrap_or(false) }
    }

    pub(crate) fn reached(&self) -> bool {
        REACHED.try_with(Cell::get).unwrap_or(true)
    }
}

impl Drop for Reach {
    fn drop(&mut self) {
        let _ = REACHED.try_with(|reached| reached.set(self.outer));
    }
}
