//! A moment on the boot clock, awaited through [`Time`].

use std::{
    fmt,
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokenflight_core::{Error, ErrorKind, Now, Sleep, Time};
use tokenflight_machine::Slice;

use crate::{catch::caught_call, sync::Arc};

/// Looked at this much after its time, work was left alone: a task that waits looks in time.
const UNATTENDED: Duration = Duration::from_secs(1);

/// What work that was left alone gets to finish, once a task looks at it again.
const GRACE: Duration = Duration::from_secs(5);

/// How many times it gets that; then it is over, however seldom it is looked at.
const GRACES: u8 = 8;

/// Completes when the boot clock shows a moment. The clock decides, not the timer: a timer may
/// stand still in suspend, answer `Pending` although it has elapsed (a runtime's cooperative
/// budget), or belong to a runtime that is gone.
pub(crate) struct Deadline {
    time: Arc<dyn Time>,
    at: Duration,
    sleep: Option<Sleep>,
}

/// Neither the timer nor its successor could be had.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoTimer;

impl fmt::Display for NoTimer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the clock's timer panicked")
    }
}

impl std::error::Error for NoTimer {}

impl From<NoTimer> for Error {
    fn from(none: NoTimer) -> Self {
        Self::with_source(ErrorKind::NoTimer, none)
    }
}

/// Reads the clock. A clock that panics once is read again.
#[inline]
pub(crate) fn read(time: &dyn Time) -> Now {
    caught_call(|| time.now()).unwrap_or_else(|_| time.now())
}

impl Deadline {
    pub(crate) const fn at(time: Arc<dyn Time>, at: Duration) -> Self {
        Self { time, at, sleep: None }
    }

    pub(crate) fn after(time: Arc<dyn Time>, wait: Duration) -> Self {
        let at = read(&*time).boot.saturating_add(wait);
        Self::at(time, at)
    }

    /// Runs `work` until the deadline. The work comes first: what is finished counts, however late.
    ///
    /// Without a timer the work alone decides.
    pub(crate) async fn limit<F: Future + Unpin>(self, work: F) -> Result<F::Output, F> {
        self.limit_while(work, |_| true).await
    }

    /// As [`limit`](Self::limit), but after the deadline work is polled only if `may_finish` then.
    ///
    /// Without a driver no task may poll for longer than the limit. An answer that came meanwhile
    /// can take a few polls to be read, and giving it up would lose a rotation: the work gets a
    /// little more time whenever that has happened. *Test*: `tests/suite`,
    /// `an_answer_that_came_while_no_task_polled_is_not_lost`.
    pub(crate) async fn limit_while<F: Future + Unpin>(
        self,
        work: F,
        may_finish: impl Fn(Duration) -> bool,
    ) -> Result<F::Output, F> {
        self.run(work, may_finish, GRACES).await
    }

    /// As [`limit`](Self::limit), for work that others carry on: it is left when the time has come,
    /// however late that is noticed.
    pub(crate) async fn wait_for<F: Future + Unpin>(self, work: F) -> Result<F::Output, F> {
        self.run(work, |_| true, 0).await
    }

    async fn run<F: Future + Unpin>(
        mut self,
        mut work: F,
        may_finish: impl Fn(Duration) -> bool,
        mut graces: u8,
    ) -> Result<F::Output, F> {
        let done = poll_fn(|cx| {
            let now = read(&*self.time).boot;
            if now >= self.at && !may_finish(now) {
                return Poll::Ready(None);
            }
            if let Poll::Ready(output) = Pin::new(&mut work).poll(cx) {
                return Poll::Ready(Some(output));
            }
            if graces > 0 && now.saturating_sub(self.at) > UNATTENDED {
                graces -= 1;
                self.at = now.saturating_add(GRACE);
            }
            match Pin::new(&mut self).poll(cx) {
                Poll::Ready(Ok(())) => Poll::Ready(None),
                Poll::Ready(Err(NoTimer)) | Poll::Pending => Poll::Pending,
            }
        })
        .await;
        done.ok_or(work)
    }
}

impl Future for Deadline {
    type Output = Result<(), NoTimer>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NoTimer>> {
        // A timer that panics because its runtime is gone has one successor on the polling runtime.
        for _ in 0..2 {
            let now = read(&*self.time);
            if now.boot >= self.at {
                return Poll::Ready(Ok(()));
            }
            let slice = Slice::until(self.at, now);
            let Ok(mut sleep) = self.sleep.take().map_or_else(|| caught_call(|| self.time.sleep(slice.length())), Ok)
            else {
                continue;
            };
            match caught_call(|| sleep.as_mut().poll(cx)) {
                Ok(Poll::Pending) => {
                    self.sleep = Some(sleep);
                    return Poll::Pending;
                }
                // The timer says "now" and the clock may say "later": look again, but do not spin
                // inside one poll.
                Ok(Poll::Ready(())) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Err(_) => {}
            }
        }
        Poll::Ready(if read(&*self.time).boot >= self.at { Ok(()) } else { Err(NoTimer) })
    }
}
