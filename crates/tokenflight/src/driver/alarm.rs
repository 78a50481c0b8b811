use std::{
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokenflight_core::{Sleep, Time};
use tokenflight_machine::Slice;

use crate::{
    catch::caught_call,
    time::{NoTimer, read},
};

/// The driver's timer. It belongs to the runtime that polls the driver: if another task polls it,
/// or the timer panics because its runtime is gone, there is a new one.
#[derive(Default)]
pub(super) struct Alarm {
    set: Option<(Slice, Sleep)>,
    waker: Option<Waker>,
}

impl Alarm {
    /// Whether the machine must have been suspended since the alarm was set.
    pub(super) fn overslept(&mut self, time: &dyn Time) -> bool {
        let overslept = self.set.as_ref().is_some_and(|(slice, _)| slice.overslept(read(time)));
        if overslept {
            self.set = None;
        }
        overslept
    }

    /// Nothing is waited for.
    pub(super) fn clear(&mut self) {
        self.set = None;
    }

    /// Completes when it is time to look at the clock again, by `next` on the boot clock.
    ///
    /// # Errors
    ///
    /// There is no timer here.
    pub(super) fn poll(&mut self, next: Duration, time: &dyn Time, cx: &mut Context<'_>) -> Poll<Result<(), NoTimer>> {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
            self.set = None;
        }
        for _ in 0..2 {
            let now = read(time);
            let slice = Slice::until(next, now);
            // One that ends in time is kept: most visits change nothing about the next one.
            let kept = self.set.take().filter(|(kept, _)| kept.end() <= slice.end() && now.boot < kept.end());
            let set = match kept {
                Some(kept) => Ok(kept),
                None => caught_call(|| time.sleep(slice.length())).map(|sleep| (slice, sleep)),
            };
            let Ok((slice, mut sleep)) = set else { continue };
            match caught_call(|| sleep.as_mut().poll(cx)) {
                Ok(Poll::Pending) => {
                    self.set = Some((slice, sleep));
                    return Poll::Pending;
                }
                Ok(Poll::Ready(())) => return Poll::Ready(Ok(())),
                Err(_) => {}
            }
        }
        Poll::Ready(Err(NoTimer))
    }
}
