//! A lock that is waited for without blocking, for what is moved on by whoever is there.
//!
//! `futures_util::lock::Mutex` wakes with a lock of its own held. Here nothing is held while anybody is woken, as everywhere
//! in this crate, and the model checker can look inside.

use std::{
    future::poll_fn,
    ops::{Deref, DerefMut},
    task::{Poll, Waker},
};

use crate::sync::{Mutex, lock};

/// A value that one task has at a time.
pub(super) struct Turn<T>(Mutex<Inner<T>>);

struct Inner<T> {
    /// Not here while somebody has it.
    value: Option<T>,
    /// Those who came meanwhile, or who have left since: being woken in vain costs little.
    waiting: Vec<Waker>,
}

impl<T: Default> Turn<T> {
    pub(super) const fn new(value: T) -> Self {
        Self(Mutex::new(Inner { value: Some(value), waiting: Vec::new() }))
    }

    /// Waits for the value.
    ///
    /// # Cancel safety
    ///
    /// Whoever stops waiting, or drops what it got, leaves the value to the others.
    pub(super) async fn take(&self) -> Taken<'_, T> {
        let value = poll_fn(|cx| {
            let mut inner = lock(&self.0);
            if let Some(value) = inner.value.take() {
                return Poll::Ready(value);
            }
            if !inner.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                inner.waiting.push(cx.waker().clone());
            }
            Poll::Pending
        });
        Taken { turn: self, value: value.await }
    }
}

/// The value, until it is dropped.
pub(super) struct Taken<'a, T: Default> {
    turn: &'a Turn<T>,
    value: T,
}

impl<T: Default> Deref for Taken<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Default> DerefMut for Taken<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T: Default> Drop for Taken<'_, T> {
    fn drop(&mut self) {
        let mut inner = lock(&self.turn.0);
        inner.value = Some(std::mem::take(&mut self.value));
        let waiting = std::mem::take(&mut inner.waiting);
        drop(inner);
        waiting.into_iter().for_each(Waker::wake);
    }
}
