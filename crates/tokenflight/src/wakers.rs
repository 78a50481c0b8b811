//! The tasks that wait for something to happen.

#[cfg(all(test, shuttle))]
mod shuttle_tests;

use std::{
    collections::BTreeMap,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use crate::{
    catch::caught_call,
    sync::{Mutex, lock},
};

/// A list of tasks that wait. One that enters and then looks misses nothing after the look.
///
/// A waker is the user's code: it is cloned, called and dropped with nothing locked, and one that
/// panics costs no other task its wake. *Test*: `tests/engine`, `foreign_code`; that no wake is
/// lost: `shuttle_tests`.
#[derive(Default)]
pub(crate) struct Wakers(Mutex<Option<Box<List>>>);

/// Made when the first task waits: most lists never see one.
#[derive(Default)]
struct List {
    /// The number of the next place.
    next: u64,
    /// In the order in which they came; a place that has not been polled yet has no waker.
    waiting: BTreeMap<u64, Option<Waker>>,
    /// Places that were woken, and whose tasks have not come back to see it.
    woken: usize,
}

impl List {
    /// Takes out so many of those that wait, the first first.
    fn take(&mut self, count: usize) -> Vec<Waker> {
        let count = count.min(self.waiting.len());
        self.woken = self.woken.saturating_add(count);
        let taken = if count == self.waiting.len() {
            std::mem::take(&mut self.waiting)
        } else {
            std::iter::from_fn(|| self.waiting.pop_first()).take(count).collect()
        };
        taken.into_values().flatten().collect()
    }
}

impl Wakers {
    /// A place in the list.
    pub(crate) fn enter(&self) -> u64 {
        let mut list = lock(&self.0);
        let list = list.get_or_insert_default();
        let number = list.next;
        list.next += 1;
        list.waiting.insert(number, None);
        number
    }

    /// Whether this place was woken, and is none any more; if not, notes what to wake.
    pub(crate) fn poll(&self, number: u64, waker: &Waker) -> Poll<()> {
        let waker = waker.clone();
        let (polled, unused) = {
            let mut list = lock(&self.0);
            let list = list.get_or_insert_default();
            match list.waiting.get_mut(&number) {
                Some(place) => (Poll::Pending, place.replace(waker)),
                None => {
                    list.woken = list.woken.saturating_sub(1);
                    (Poll::Ready(()), Some(waker))
                }
            }
        };
        drop(unused);
        polled
    }

    /// Gives a place up. If it was woken, another one is woken in its stead.
    pub(crate) fn leave(&self, number: u64) {
        let (unused, woken) = {
            let mut list = lock(&self.0);
            let list = list.get_or_insert_default();
            match list.waiting.remove(&number) {
                Some(unused) => (unused, Vec::new()),
                None => {
                    list.woken = list.woken.saturating_sub(1);
                    (None, list.take(1))
                }
            }
        };
        wake(woken);
        drop(unused);
    }

    /// A place that is given up by itself, for one wait.
    pub(crate) fn listen(&self) -> Listener<'_> {
        Listener { wakers: self, number: Some(self.enter()) }
    }

    /// Whether a task waits, or was woken and has not come back yet.
    pub(crate) fn is_waited_for(&self) -> bool {
        lock(&self.0).as_ref().is_some_and(|list| !list.waiting.is_empty() || list.woken > 0)
    }

    pub(crate) fn wake_all(&self) {
        self.wake(usize::MAX);
    }

    /// Wakes so many, counting those that were woken and have not come back yet.
    pub(crate) fn wake(&self, count: usize) {
        self.wake_by(|list| list.take(count.saturating_sub(list.woken)));
    }

    /// Wakes one that was not woken yet.
    pub(crate) fn wake_one_more(&self) {
        self.wake_by(|list| list.take(1));
    }

    fn wake_by(&self, take: impl FnOnce(&mut List) -> Vec<Waker>) {
        let woken = lock(&self.0).as_mut().map(|list| take(list));
        wake(woken.unwrap_or_default());
    }
}

/// With nothing locked. A waker's panic is its own affair: the others are woken all the same.
fn wake(woken: Vec<Waker>) {
    for waker in woken {
        let _ = caught_call(|| waker.wake());
    }
}

/// Waits for one wake.
///
/// # Cancel safety
///
/// Dropping it leaves its wake to another one.
pub(crate) struct Listener<'a> {
    wakers: &'a Wakers,
    number: Option<u64>,
}

impl Future for Listener<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(number) = self.number else { return Poll::Ready(()) };
        let polled = self.wakers.poll(number, cx.waker());
        if polled.is_ready() {
            self.number = None;
        }
        polled
    }
}

impl Drop for Listener<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number.take() {
            self.wakers.leave(number);
        }
    }
}
