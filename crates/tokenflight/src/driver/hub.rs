//! How sessions reach their driver.

use std::{fmt, task::Waker};

use super::Left;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, lock};

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
    pub(super) gone: Vec<(usize, Arc<Left>)>,
    /// Whether the driver is gone: no more is taken.
    closed: bool,
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

    /// The driver goes: what comes from now on is not taken.
    pub(super) fn close(&self) {
        let closed = Mail { closed: true, ..Mail::default() };
        let left = std::mem::replace(&mut *lock(&self.mail), closed);
        drop(left);
    }

    /// Puts something in, unless the driver is gone; then it is dropped, with nothing locked.
    fn post<T>(&self, item: T, put: impl FnOnce(&mut Mail, T)) {
        let mut mail = lock(&self.mail);
        if mail.closed {
            drop(mail);
            drop(item);
            return;
        }
        put(&mut mail, item);
        drop(mail);
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
    /// Whether the driver has begun.
    polled: AtomicBool,
}

impl Link {
    pub(super) fn new(hub: Arc<Hub>, index: usize) -> Self {
        let no = || AtomicBool::new(false);
        Self { hub, index, told: no(), dismissed: no(), polled: no() }
    }

    /// Has the driver look at the session.
    pub(crate) fn notify(&self) {
        if !self.told.swap(true, Ordering::AcqRel) {
            self.hub.post(self.index, |mail, index| mail.ready.push(index));
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

    /// The session's last handle has gone: hands the driver all it leaves. Nothing else tells it.
    pub(crate) fn leave(&self, left: Arc<Left>) {
        self.hub.post(left, |mail, left| mail.gone.push((self.index, left)));
    }

    /// The driver has begun.
    pub(super) fn begin(&self) {
        self.polled.store(true, Ordering::Release);
    }

    /// Whether the driver was ever polled.
    pub(crate) fn is_polled(&self) -> bool {
        self.polled.load(Ordering::Acquire)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("index", &self.index).finish_non_exhaustive()
    }
}
