use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use crate::lock::lock;

/// A place where calls wait until the test lets them through, first come, first served. Open at
/// first. Cloning shares.
///
/// ```
/// use futures_util::FutureExt;
/// use tokenflight_test::mock::Gate;
///
/// let gate = Gate::new();
/// gate.close();
/// let mut call = gate.pass();
/// assert!((&mut call).now_or_never().is_none());
/// assert_eq!(gate.parked(), 1);
/// gate.let_through(1);
/// assert!(call.now_or_never().is_some());
/// ```
#[derive(Clone, Default)]
pub struct Gate(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    closed: bool,
    /// Leave to pass, for calls that have not come yet.
    permits: usize,
    arrived: u64,
    /// Calls that have come, in order. Those let through are gone from here.
    waiting: BTreeMap<u64, Waker>,
    /// Tests that wait for calls to come.
    watchers: Vec<Waker>,
}

impl Gate {
    /// An open gate.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on calls wait.
    pub fn close(&self) {
        lock(&self.0).closed = true;
    }

    /// Lets all calls through, now and later.
    pub fn open(&self) {
        let mut inner = lock(&self.0);
        inner.closed = false;
        inner.permits = 0;
        let freed = std::mem::take(&mut inner.waiting);
        drop(inner);
        freed.into_values().for_each(Waker::wake);
    }

    /// Lets the next `calls` through, those that wait first.
    pub fn let_through(&self, calls: usize) {
        let mut freed = Vec::new();
        let mut inner = lock(&self.0);
        for _ in 0..calls {
            match inner.waiting.pop_first() {
                Some((_, waker)) => freed.push(waker),
                None => inner.permits += 1,
            }
        }
        drop(inner);
        freed.into_iter().for_each(Waker::wake);
    }

    /// How many calls wait.
    #[must_use]
    pub fn parked(&self) -> usize {
        lock(&self.0).waiting.len()
    }

    /// Completes as soon as at least `calls` wait here; for tests with threads.
    #[must_use = "futures do nothing unless polled"]
    pub fn until_parked(&self, calls: usize) -> Parked {
        Parked { gate: self.clone(), calls }
    }

    /// Completes once this call may pass. It takes its place when first polled.
    ///
    /// # Cancel safety
    ///
    /// Dropping it gives up the place.
    #[must_use = "futures do nothing unless polled"]
    pub fn pass(&self) -> Passage {
        Passage { gate: self.clone(), place: None }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = lock(&self.0);
        f.debug_struct("Gate").field("closed", &inner.closed).field("parked", &inner.waiting.len()).finish()
    }
}

/// A call at a [`Gate`]; see [`Gate::pass`].
#[derive(Debug)]
pub struct Passage {
    gate: Gate,
    place: Option<u64>,
}

impl Future for Passage {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let gate = self.gate.clone();
        let mut inner = lock(&gate.0);
        // Wakers are dropped and woken after the lock.
        let (stale, watchers) = match self.place {
            Some(place) => match inner.waiting.get_mut(&place) {
                Some(waker) => (Some(std::mem::replace(waker, cx.waker().clone())), Vec::new()),
                // Gone from the list means let through.
                None => return Poll::Ready(()),
            },
            None if !inner.closed => return Poll::Ready(()),
            None if inner.permits > 0 => {
                inner.permits -= 1;
                return Poll::Ready(());
            }
            None => {
                let place = inner.arrived;
                inner.arrived += 1;
                inner.waiting.insert(place, cx.waker().clone());
                self.place = Some(place);
                (None, std::mem::take(&mut inner.watchers))
            }
        };
        drop(inner);
        drop(stale);
        watchers.into_iter().for_each(Waker::wake);
        Poll::Pending
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let _waker = lock(&self.gate.0).waiting.remove(&place);
        }
    }
}

/// Waits for calls to come; see [`Gate::until_parked`].
#[derive(Debug)]
pub struct Parked {
    gate: Gate,
    calls: usize,
}

impl Future for Parked {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = lock(&self.gate.0);
        if inner.waiting.len() >= self.calls {
            return Poll::Ready(());
        }
        inner.watchers.push(cx.waker().clone());
        Poll::Pending
    }
}
