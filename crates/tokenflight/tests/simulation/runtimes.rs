//! Two runtimes under one session, and one ends before the other: its tasks are dropped where they
//! stand, and a timer first polled on it wakes once more and then panics, as tokio's do.

use std::panic::resume_unwind;

use tokenflight::{Now, time::Sleep};

use crate::prelude::*;

/// Which runtime polls, and which are gone. Cloning shares it.
#[derive(Clone, Default)]
pub(crate) struct Runtimes(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    polls: usize,
    gone: Option<usize>,
    timers: Vec<(usize, Waker)>,
}

impl Runtimes {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on this one polls.
    pub(crate) fn enter(&self, runtime: usize) {
        self.state().polls = runtime;
    }

    pub(crate) fn is_gone(&self, runtime: usize) -> bool {
        self.state().gone == Some(runtime)
    }

    /// Whether both are there.
    pub(crate) fn are_whole(&self) -> bool {
        self.state().gone.is_none()
    }

    pub(crate) fn end(&self, runtime: usize) {
        let timers = {
            let mut state = self.state();
            state.gone = Some(runtime);
            std::mem::take(&mut state.timers)
        };
        timers.into_iter().filter(|(of, _)| *of == runtime).for_each(|(_, waker)| waker.wake());
    }

    /// A timer of `of` is polled. Panics if that runtime is gone.
    fn poll_timer(&self, of: usize, waker: &Waker) {
        let mut state = self.state();
        if state.gone == Some(of) {
            drop(state);
            // As a panic, but without its message: there are thousands.
            resume_unwind(Box::new("the runtime is gone"));
        }
        if state.gone.is_none() && !state.timers.iter().any(|(timer, known)| *timer == of && known.will_wake(waker)) {
            state.timers.push((of, waker.clone()));
        }
    }
}

/// Manual time whose timers belong to the runtime that polls them first.
#[derive(Clone)]
pub(crate) struct RuntimeTime(pub(crate) ManualTime, pub(crate) Runtimes);

impl Time for RuntimeTime {
    fn now(&self) -> Now {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let (mut sleep, runtimes, mut owner) = (Time::sleep(&self.0, duration), self.1.clone(), None);
        Box::pin(poll_fn(move |cx| {
            let of = *owner.get_or_insert_with(|| runtimes.state().polls);
            runtimes.poll_timer(of, cx.waker());
            sleep.as_mut().poll(cx)
        }))
    }

    fn random(&self) -> u64 {
        Time::random(&self.0)
    }
}
