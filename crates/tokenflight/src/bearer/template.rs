//! A service that others are cloned from, behind a lock so that it need not be `Sync`.

use std::{
    future::poll_fn,
    mem,
    task::{Context, Poll, Waker},
};

use crate::sync::{Mutex, lock};

/// Cloning is the user's code, so nothing is locked meanwhile: who clones takes the service out of
/// its place. Who finds the place empty waits, as a task, not a thread, until the service is back.
///
/// *Test*: `tests/layer`, `a_client_is_not_cloned_with_anything_locked`.
pub(super) struct Template<S>(Mutex<Place<S>>);

struct Place<S> {
    /// Not there while it is cloned.
    service: Option<S>,
    /// Of the tasks that wait for it.
    wakers: Vec<Waker>,
}

impl<S: Clone> Template<S> {
    pub(super) fn new(service: S) -> Self {
        Self(Mutex::new(Place { service: Some(service), wakers: Vec::new() }))
    }

    /// A clone, as soon as no other one is made elsewhere.
    pub(super) async fn cloned(&self) -> S {
        poll_fn(|cx| self.poll_clone(cx)).await
    }

    fn poll_clone(&self, cx: &mut Context<'_>) -> Poll<S> {
        let mut waker = None;
        loop {
            let mut place = lock(&self.0);
            if let Some(service) = place.service.take() {
                drop(place);
                let taken = Taken { template: self, service: Some(service) };
                return taken.service.clone().map_or(Poll::Pending, Poll::Ready);
            }
            if let Some(waker) = waker.take() {
                place.wakers.push(waker);
                return Poll::Pending;
            }
            drop(place);
            waker = Some(cx.waker().clone());
        }
    }
}

/// The service outside its place. Dropping it puts the service back, also if its clone panicked.
struct Taken<'a, S> {
    template: &'a Template<S>,
    service: Option<S>,
}

impl<S> Drop for Taken<'_, S> {
    fn drop(&mut self) {
        let mut place = lock(&self.template.0);
        place.service = self.service.take();
        let wakers = mem::take(&mut place.wakers);
        drop(place);
        wakers.into_iter().for_each(Waker::wake);
    }
}
