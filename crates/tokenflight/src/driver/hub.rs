//! How sessions reach their driver.

use std::{fmt, task::Waker};

use crate::{
    slot::AnyFlight,
    sync::{Arc, AtomicBool, Mutex, Ordering, lock},
};

/// What sessions have for their driver. Outlives both sides.
#[derive(Default)]
pub(super) struct Hub {
    mail: Mutex<Mail>,
    waker: Mutex<Option<Waker>>,
}

/// What has come from sessions.
#[derive(Default)]
pub(super) struct Mail {
    /// Sessions to look at.
    pub(super) ready: Vec<usize>,
    /// Sessions whose last handle has gone, and what they still had in progress or to store.
    pub(super) gone: Vec<(usize, Vec<AnyFlight>)>,
}

impl Hub {
    /// Notes what to wake. Call it before the mail is taken.
    pub(super) fn register(&self, waker: &Waker) {
        let new = {
            let known = lock(&self.waker);
            !known.as_ref().is_some_and(|known| known.will_wake(waker))
        };
        // A waker is the user's code: cloned and dropped with nothing locked.
        let old = new.then(|| waker.clone()).and_then(|waker| lock(&self.waker).replace(waker));
        drop(old);
    }

    /// Takes what has come.
    pub(super) fn take(&self) -> Mail {
        std::mem::take(&mut *lock(&self.mail))
    }

    fn post(&self, put: impl FnOnce(&mut Mail)) {
        put(&mut lock(&self.mail));
        let waker = lock(&self.waker).take();
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
    /// Whether the session has another driver: then it does not leave this one.
    dismissed: AtomicBool,
}

impl Link {
    pub(super) const fn new(hub: Arc<Hub>, index: usize) -> Self {
        Self { hub, index, told: AtomicBool::new(false), dismissed: AtomicBool::new(false) }
    }

    /// Has the driver look at the session.
    pub(crate) fn notify(&self) {
        if !self.told.swap(true, Ordering::AcqRel) {
            self.hub.post(|mail| mail.ready.push(self.index));
        }
    }

    /// The session has another driver.
    pub(crate) fn dismiss(&self) {
        self.dismissed.store(true, Ordering::Release);
        self.notify();
    }

    pub(super) fn is_dismissed(&self) -> bool {
        self.dismissed.load(Ordering::Acquire)
    }

    /// The driver looks now; what comes later is new.
    pub(super) fn seen(&self) {
        self.told.store(false, Ordering::Release);
    }

    /// The session's last handle has gone: hands the driver all that it leaves. Nothing else tells the driver so.
    pub(crate) fn leave(&self, flights: Vec<AnyFlight>) {
        self.hub.post(|mail| mail.gone.push((self.index, flights)));
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("index", &self.index).finish_non_exhaustive()
    }
}
