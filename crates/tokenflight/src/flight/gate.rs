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
    static FLYING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// The waker the work sees: notes that it fired, then wakes everybody who waits.
pub(crate) struct Flag {
    fired: AtomicBool,
    /// `Shared`'s own waker, the same at every poll: it wakes all waiters.
    everybody: Mutex<Option<Waker>>,
    /// The session has begun another epoch: waiters leave, the work goes on.
    deserted: AtomicBool,
}

impl Flag {
    pub(crate) const fn new() -> Self {
        // Fired, so that the first poll reaches the work.
        Self { fired: AtomicBool::new(true), everybody: Mutex::new(None), deserted: AtomicBool::new(false) }
    }

    pub(crate) fn fired(&self) -> bool {
        self.fired.load(Ordering::SeqCst)
    }

    /// Wakes everybody who waits, without letting the work be polled.
    pub(crate) fn wake_everybody(&self) {
        // Cloned out: a waker must not be called with the lock held.
        let everybody = lock(&self.everybody).clone();
        if let Some(everybody) = everybody {
            everybody.wake();
        }
    }

    /// Notes how to wake everybody.
    fn meet(&self, waker: &Waker) {
        *lock(&self.everybody) = Some(waker.clone());
        // Deserted before anybody could be woken: whoever began to wait in that window was told nothing.
        if self.deserted() {
            self.wake_everybody();
        }
    }

    /// Has the work polled by somebody, so that it looks at the clock.
    pub(crate) fn kick(&self) {
        self.fired.store(true, Ordering::SeqCst);
        self.wake_everybody();
    }

    pub(crate) fn desert(&self) {
        self.deserted.store(true, Ordering::SeqCst);
        self.wake_everybody();
    }

    pub(crate) fn deserted(&self) -> bool {
        self.deserted.load(Ordering::SeqCst)
    }

    /// Whether this thread is inside the work of this flight right now.
    pub(crate) fn polled_here(self: &Arc<Self>) -> bool {
        let name = name(self);
        FLYING.try_with(|flying| flying.borrow().contains(&name)).unwrap_or(false)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.kick();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.kick();
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
    /// Whether the flag knows how to wake everybody.
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
        REACHED.with(|reached| reached.set(true));
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
        // A thread that ends may have no list any more, and must not panic for it.
        let _ = FLYING.try_with(|flying| flying.borrow_mut().push(name));
        Self
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let _ = FLYING.try_with(|flying| flying.borrow_mut().pop());
    }
}

/// Watches whether a gate is reached while it lives. Nests: a grant may wait for another session's flight inside its own.
pub(crate) struct Reach {
    outer: bool,
}

impl Reach {
    pub(crate) fn watch() -> Self {
        Self { outer: REACHED.with(|reached| reached.replace(false)) }
    }

    pub(crate) fn reached(&self) -> bool {
        REACHED.with(Cell::get)
    }
}

impl Drop for Reach {
    fn drop(&mut self) {
        REACHED.with(|reached| reached.set(self.outer));
    }
}
