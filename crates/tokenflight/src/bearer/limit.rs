//! How long a request may be held.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use http::HeaderMap;
use tokenflight_core::{Error, ErrorKind, Time};

use super::{BearerOptions, grpc};
use crate::{sync::Arc, time::Deadline};

/// The limits of one request. Without any, no clock is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limit {
    /// What is left of the caller's [`max_wait`](BearerOptions::max_wait).
    wait: Option<Duration>,
    /// When, on the boot clock, the call's own `grpc-timeout` is over: the server answers no more.
    call: Option<Duration>,
}

impl Limit {
    /// The limit of a request that has just come, with this `max_wait` and this `grpc-timeout`.
    #[inline]
    pub(super) fn new(wait: Option<Duration>, timeout: Option<Duration>, time: &dyn Time) -> Self {
        Self { wait, call: timeout.map(|timeout| time.now().boot.saturating_add(timeout)) }
    }

    /// As [`new`](Self::new), for a request whose headers have not been looked at.
    pub(super) fn of(headers: &HeaderMap, options: &BearerOptions, time: &dyn Time) -> Self {
        Self::new(options.wait_limit(), headers.get(grpc::TIMEOUT).and_then(grpc::timeout), time)
    }

    /// What is left of the time for which the caller lets the request be held.
    pub(super) const fn of_caller(&self) -> Option<Duration> {
        self.wait
    }

    /// Does what the request waits for, until it may wait no longer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`].
    pub(super) async fn within<F: Future + Unpin>(
        &mut self,
        time: &Arc<dyn Time>,
        mut work: F,
    ) -> Result<F::Output, Error> {
        if self.wait.is_none() && self.call.is_none() {
            return Ok(work.await);
        }
        let began = time.now().boot;
        let waited = self.wait.map(|wait| began.saturating_add(wait));
        let until = [waited, self.call].into_iter().flatten().min().unwrap_or(Duration::MAX);
        // Boxed, because few requests have a limit and all would have to make room for it.
        let mut deadline = Box::pin(Deadline::at(Arc::clone(time), until));
        let done = poll_fn(|cx| {
            if let Poll::Ready(output) = Pin::new(&mut work).poll(cx) {
                return Poll::Ready(Ok(output));
            }
            match deadline.as_mut().poll(cx) {
                Poll::Ready(Ok(())) => Poll::Ready(Err(Error::new(ErrorKind::TimedOut))),
                // Without a timer the limit ends the wait only when the work wakes it.
                Poll::Ready(Err(_)) | Poll::Pending => Poll::Pending,
            }
        })
        .await;
        let spent = time.now().boot.saturating_sub(began);
        self.wait = self.wait.map(|wait| wait.saturating_sub(spent));
        done
    }

    /// Takes the time already spent off the request's own deadline.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`] if none is left.
    pub(super) fn shrink(self, headers: &mut HeaderMap, time: &dyn Time) -> Result<(), Error> {
        let Some(until) = self.call else { return Ok(()) };
        let left = until.saturating_sub(time.now().boot);
        if left.is_zero() {
            return Err(Error::new(ErrorKind::TimedOut));
        }
        headers.insert(grpc::TIMEOUT, grpc::timeout_value(left));
        Ok(())
    }
}
