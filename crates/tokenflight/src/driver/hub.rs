//! How sessions reach their driver.

use std::{fmt, task::Waker};

use crate::{
    flight::Flight,
    sync::{Arc, AtomicBool, Mutex, Ordering, lock},
};

/// What sessions have for their driver. Outlives both sides.
#[derive(Default)]
pub(super) struct Hub {
    post: Mutex<Post>,
}

#[derive(Default)]
struct Post {
    /// Sessions to look at.
    ready: Vec<usize>,
    /// Flights whose session has no use for them any more, to be taken to their end.
    orphans: Vec<Flight>,
    waker: Option<Waker>,
}

impl Hub {
    /// Notes whom to wake. Call it before looking at the post.
    pub(super) fn register(&self, waker: &Waker) {
        let mut post = lock(&self.post);
        if !post.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            post.waker = Some(waker.clone());
        }
    }

    /// Takes what has come.
    pub(super) fn take(&self) -> (Vec<usize>, Vec<Flight>) {
        let mut post = lock(&self.post);
        (std::mem::take(&mut post.ready), std::mem::take(&mut post.orphans))
    }

    fn post(&self, put: impl FnOnce(&mut Post)) {
        let mut post = lock(&self.post);
        put(&mut post);
        let waker = post.waker.take();
        drop(post);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A session's way to its driver.
pub(crate) struct Link {
    hub: Arc<Hub>,
    index: usize,
    /// Whether the driver has been told already: ten thousand waiters cost one wake.
    told: AtomicBool,
}

impl Link {
    pub(super) const fn new(hub: Arc<Hub>, index: usize) -> Self {
        Self { hub, index, told: AtomicBool::new(false) }
    }

    /// Has the driver look at the session.
    pub(crate) fn nudge(&self) {
        if !self.told.swap(true, Ordering::AcqRel) {
            self.hub.post(|post| post.ready.push(self.index));
        }
    }

    /// The driver looks now; what comes later is new.
    pub(super) fn seen(&self) {
        self.told.store(false, Ordering::Release);
    }

    /// Hands the driver a flight to take to its end.
    pub(crate) fn adopt(&self, flight: Flight) {
        self.hub.post(|post| post.orphans.push(flight));
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("index", &self.index).finish_non_exhaustive()
    }
}
