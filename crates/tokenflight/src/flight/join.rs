//! Waiting for a flight. The one file of the engine that names `futures::Shared`.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::future::{FutureExt, Shared};
use tokenflight_core::BoxFuture;

use super::gate::{Flag, Gate, Reach};
use crate::sync::Arc;

/// A piece of work in progress. Cloning shares it; the last clone takes the work with it.
pub(crate) struct Flight<T: Clone> {
    work: Shared<Gate<T>>,
    flag: Arc<Flag>,
}

/// The caller is inside the work it would wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recursion;

impl<T: Clone> Flight<T> {
    /// Nothing of the work runs before it is waited for.
    pub(crate) fn new(work: BoxFuture<'static, T>) -> Self {
        Self::of(|_| work)
    }

    /// As [`new`](Self::new), with work that asks what has become of its login.
    pub(crate) fn of(work: impl FnOnce(Fate) -> BoxFuture<'static, T>) -> Self {
        let flag = Arc::new(Flag::new());
        let work = work(Fate(Arc::clone(&flag)));
        Self { work: Gate::new(work, Arc::clone(&flag)).shared(), flag }
    }

    /// A place for a waiter that wants the result, and leaves when the flight is abandoned.
    #[inline]
    pub(crate) fn join(&self) -> Result<Join<T>, Recursion> {
        self.enter().map(Join)
    }

    /// A place for a task that keeps the work moving to its end.
    pub(crate) fn stay(&self) -> Result<Stay<T>, Recursion> {
        self.enter().map(Stay)
    }

    /// The one door for all who wait (hazard 5).
    #[inline]
    fn enter(&self) -> Result<Place<T>, Recursion> {
        if self.flag.polled_here() {
            return Err(Recursion);
        }
        Ok(Place { work: self.work.clone(), flag: Arc::clone(&self.flag) })
    }

    /// See [`Flag::fire`].
    pub(crate) fn fire(&self) {
        self.flag.fire();
    }

    /// There was a login or a logout: sends the waiters away. The work goes on.
    pub(crate) fn abandon(&self) {
        self.flag.abandon();
    }

    /// There was a logout, perhaps after a login that had the work abandoned.
    pub(crate) fn log_out(&self) {
        self.flag.log_out();
    }

    /// Whether there is a waiter, besides the slot that keeps the work.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.work.strong_count().is_some_and(|count| count > 1)
    }

    /// Whether both are the same work.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.flag, &other.flag)
    }

    /// Whether the work has ended.
    pub(crate) fn is_finished(&self) -> bool {
        self.work.peek().is_some()
    }
}

impl<T: Clone> Clone for Flight<T> {
    fn clone(&self) -> Self {
        Self { work: self.work.clone(), flag: Arc::clone(&self.flag) }
    }
}

impl<T: Clone> fmt::Debug for Flight<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").field("finished", &self.is_finished()).finish_non_exhaustive()
    }
}

/// What has become of a flight's login, for its work: that outlives its session, which knows more.
pub(crate) struct Fate(Arc<Flag>);

impl Fate {
    /// Whether another login or a logout has taken its place.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.0.is_abandoned()
    }

    /// Whether there was a logout since.
    pub(crate) fn is_logged_out(&self) -> bool {
        self.0.is_logged_out()
    }
}

/// Waits for a flight, and polls its work when it is this task's turn. `None`: it was abandoned.
///
/// # Cancel safety
///
/// Dropping it leaves the work where it is, for the others (hazards 1 and 4).
pub(crate) struct Join<T: Clone>(Place<T>);

/// As [`Join`], and stays when the flight is abandoned.
pub(crate) struct Stay<T: Clone>(Place<T>);

/// A place at a flight.
struct Place<T: Clone> {
    work: Shared<Gate<T>>,
    flag: Arc<Flag>,
}

impl<T: Clone> Place<T> {
    #[inline]
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<T> {
        let reach = Reach::watch();
        let polled = self.work.poll_unpin(cx);
        if polled.is_pending() && reach.reached() && self.flag.fired() {
            // This task polled the work, `Shared` is idle again, and a wake came while it was
            // polling: waiters that registered in that window were told nothing (hazard 1). A
            // variant in which every waiter wakes itself spins under an unfair scheduler.
            self.flag.wake_all();
        }
        polled
    }
}

impl<T: Clone> Join<T> {
    /// As [`Flight::fire`].
    pub(crate) fn fire(&self) {
        self.0.flag.fire();
    }
}

impl<T: Clone> Future for Join<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        if self.0.flag.is_abandoned() {
            return Poll::Ready(None);
        }
        match self.0.poll(cx) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            // Abandoned between the first look and the registration: the wake passed this task by.
            Poll::Pending if self.0.flag.is_abandoned() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<T: Clone> Future for Stay<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        self.0.poll(cx)
    }
}

impl<T: Clone> fmt::Debug for Join<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Join")
    }
}

impl<T: Clone> fmt::Debug for Stay<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stay")
    }
}
