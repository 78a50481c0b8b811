//! A moment on the boot clock, awaited through [`Time`].

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokenflight_core::{Time, time::Sleep};
use tokenflight_machine::Nap;

use crate::{catch::caught_call, sync::Arc};

/// Being looked at this much after its time, a piece of work was left alone: somebody who waits looks in time.
const UNATTENDED: Duration = Duration::from_secs(1);

/// What work that was left alone gets to finish, once somebody looks at it again.
const GRACE: Duration = Duration::from_secs(5);

/// How many times it gets that; then it is over, however seldom it is looked at.
const GRACES: u32 = 8;

/// Completes when the boot clock shows a moment. The clock decides, not the timer: a timer may stand still in suspend,
/// answer `Pending` although it has elapsed (a runtime's cooperative budget), or belong to a runtime that is gone.
pub(crate) struct Deadline {
    time: Arc<dyn Time>,
    at: Duration,
    sleep: Option<Sleep>,
}

impl Deadline {
    pub(crate) const fn at(time: Arc<dyn Time>, at: Duration) -> Self {
        Self { time, at, sleep: None }
    }

    pub(crate) fn after(time: Arc<dyn Time>, wait: Duration) -> Self {
        let at = time.now().boot.saturating_add(wait);
        Self::at(time, at)
    }

    /// Runs `work` until the deadline. The work comes first: what is finished counts, however late it is noticed.
    pub(crate) async fn limit<F: Future + Unpin>(self, work: F) -> Result<F::Output, F> {
        self.limit_if(work, || true).await
    }

    /// As [`limit`](Self::limit), but work that `may_finish` denies is not polled again once the time has passed.
    ///
    /// Without a driver nobody may poll for longer than the limit. An answer that came meanwhile can take a few polls to
    /// be read, and giving it up would lose a rotation: the work gets a little more time whenever that has happened.
    /// *Test*: `tests/suite`, `an_answer_that_came_while_nobody_polled_is_not_lost`.
    pub(crate) async fn limit_if<F: Future + Unpin>(
        mut self,
        mut work: F,
        may_finish: impl Fn() -> bool,
    ) -> Result<F::Output, F> {
        let mut graces = 0;
        let done = poll_fn(|cx| {
            let now = self.time.now().boot;
            if now >= self.at && !may_finish() {
                return Poll::Ready(None);
            }
            if let Poll::Ready(output) = Pin::new(&mut work).poll(cx) {
                return Poll::Ready(Some(output));
            }
            if graces < GRACES && now.saturating_sub(self.at) > UNATTENDED {
                graces += 1;
                self.at = now.saturating_add(GRACE);
            }
            Pin::new(&mut self).poll(cx).map(|()| None)
        })
        .await;
        done.ok_or(work)
    }
}

impl Future for Deadline {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // A timer that panics because its runtime is gone gets one successor, on the runtime that polls now.
        for _ in 0..2 {
            let now = self.time.now();
            if now.boot >= self.at {
                return Poll::Ready(());
            }
            let nap = Nap::until(self.at, now);
            let Ok(mut sleep) = self.sleep.take().map_or_else(|| caught_call(|| self.time.sleep(nap.length())), Ok)
            else {
                continue;
            };
            match caught_call(|| sleep.as_mut().poll(cx)) {
                Ok(Poll::Pending) => {
                    self.sleep = Some(sleep);
                    return Poll::Pending;
                }
                // The timer says "now" and the clock may say "later": look again, but do not spin inside one poll.
                Ok(Poll::Ready(())) => cx.waker().wake_by_ref(),
                Err(_) => {}
            }
        }
        // If no timer is to be had here at all, whoever comes next looks at the clock again.
        if self.time.now().boot >= self.at { Poll::Ready(()) } else { Poll::Pending }
    }
}
