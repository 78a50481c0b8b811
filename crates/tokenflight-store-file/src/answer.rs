//! A value that a thread hands to a future.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Poll, Waker},
};

/// The thread's end. Dropped, it leaves the future without a value.
pub(crate) struct Responder<T>(Arc<Mutex<State<T>>>);

/// The future's end.
pub(crate) struct Answer<T>(Arc<Mutex<State<T>>>);

enum State<T> {
    Awaited(Option<Waker>),
    Told(T),
    /// The value was taken, or there will be none.
    Over,
}

pub(crate) fn answer<T>() -> (Responder<T>, Answer<T>) {
    let state = Arc::new(Mutex::new(State::Awaited(None)));
    (Responder(Arc::clone(&state)), Answer(state))
}

impl<T> Responder<T> {
    pub(crate) fn tell(self, value: T) {
        self.end(State::Told(value));
    }

    fn end(&self, next: State<T>) {
        let mut state = lock(&self.0);
        if !matches!(*state, State::Awaited(_)) {
            return;
        }
        let before = std::mem::replace(&mut *state, next);
        drop(state);
        // Unlocked: an executor may poll within its `wake`.
        if let State::Awaited(Some(waker)) = before {
            waker.wake();
        }
    }
}

impl<T> Drop for Responder<T> {
    fn drop(&mut self) {
        self.end(State::Over);
    }
}

impl<T> Answer<T> {
    /// The value; `None` if the thread has ended without one.
    pub(crate) async fn wait(self) -> Option<T> {
        poll_fn(|cx| {
            // A waker is the executor's code: cloned and dropped with nothing locked.
            let waker = cx.waker().clone();
            let (polled, unused) = {
                let mut state = lock(&self.0);
                match &mut *state {
                    State::Awaited(known) => (Poll::Pending, known.replace(waker)),
                    State::Told(_) | State::Over => match std::mem::replace(&mut *state, State::Over) {
                        State::Told(value) => (Poll::Ready(Some(value)), Some(waker)),
                        State::Awaited(_) | State::Over => (Poll::Ready(None), Some(waker)),
                    },
                }
            };
            drop(unused);
            polled
        })
        .await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        sync::mpsc,
        task::{Context, Wake},
        thread,
        time::Duration,
    };

    use super::*;

    #[test]
    fn a_value_wakes_who_waits_for_it() {
        let (responder, value) = answer();
        let thread = thread::Builder::new().spawn(|| responder.tell(7)).unwrap();
        assert_eq!(futures_executor::block_on(value.wait()), Some(7));
        thread.join().unwrap();
    }

    #[test]
    fn a_thread_that_ends_leaves_no_caller_waiting() {
        let (responder, value) = answer::<()>();
        let thread = thread::Builder::new().spawn(|| drop(responder)).unwrap();
        assert_eq!(futures_executor::block_on(value.wait()), None);
        thread.join().unwrap();
    }
    /// A waker that holds the last reference to the thread's end, as one that drops its task may.
    struct Holds(#[allow(dead_code)] Mutex<Option<Responder<()>>>);

    impl Wake for Holds {
        fn wake(self: Arc<Self>) {}
    }

    #[test]
    fn a_waker_that_is_replaced_is_not_dropped_with_the_value_locked() {
        let (sender, receiver) = mpsc::channel();
        let work = move || {
            let (responder, value) = answer::<()>();
            let mut wait = pin!(value.wait());
            let holder = Waker::from(Arc::new(Holds(Mutex::new(Some(responder)))));
            assert!(wait.as_mut().poll(&mut Context::from_waker(&holder)).is_pending());
            drop(holder);
            assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert!(wait.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
            sender.send(()).unwrap();
        };
        thread::Builder::new().spawn(work).unwrap();
        assert!(receiver.recv_timeout(Duration::from_secs(5)).is_ok(), "a deadlock");
    }
}
