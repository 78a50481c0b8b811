//! Until when a request may be held (R-135, C-56).

use std::{future::Future, time::Duration};

use futures_util::future::{Either, select};
use http::HeaderMap;
use tokenflight_core::{Error, ErrorKind, Time};

use super::{BearerOptions, grpc};
use crate::{sync::Arc, time::Deadline};

/// The moments, on the boot clock, after which a request is not held any longer. Without any, no clock is looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limit {
    /// The caller's [`max_wait`](BearerOptions::max_wait) is over.
    wait: Option<Duration>,
    /// The call's own `grpc-timeout` is over: the server would not answer any more.
    call: Option<Duration>,
}

impl Limit {
    /// The limit of a request that has just come with this `grpc-timeout`.
    #[inline]
    pub(super) fn new(options: &BearerOptions, timeout: Option<Duration>, time: &dyn Time) -> Self {
        if options.wait_limit().is_none() && timeout.is_none() {
            return Self::default();
        }
        let now = time.now().boot;
        let after = |wait: Duration| now.saturating_add(wait);
        Self { wait: options.wait_limit().map(after), call: timeout.map(after) }
    }

    /// As [`new`](Self::new), for a request whose headers have not been looked at.
    pub(super) fn of(headers: &HeaderMap, options: &BearerOptions, time: &dyn Time) -> Self {
        Self::new(options, headers.get(grpc::TIMEOUT).and_then(grpc::timeout), time)
    }

    /// Does what the request waits for, until it may wait no longer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TimedOut`].
    pub(super) async fn within<F: Future + Unpin>(self, time: &Arc<dyn Time>, work: F) -> Result<F::Output, Error> {
        let Some(until) = self.until() else { return Ok(work.await) };
        match select(work, Deadline::at(Arc::clone(time), until)).await {
            Either::Left((output, _)) => Ok(output),
            Either::Right(_) => Err(Error::new(ErrorKind::TimedOut)),
        }
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

    fn until(self) -> Option<Duration> {
        [self.wait, self.call].into_iter().flatten().min()
    }
}
