//! The span around a refresh.

use std::future::Future;

use tokenflight_machine::Plan;

use super::{Ended, ended::Begun, trace};
use crate::parts::Parts;

/// The span in which a refresh is started, until that takes it. Made before the slot is locked and
/// dropped after it is released, because both call the subscriber.
#[derive(Debug)]
pub(crate) struct Cause(trace::Span);

impl Cause {
    /// The span that this thread is in.
    pub(crate) fn here() -> Self {
        Self(trace::Span::current())
    }

    /// Moves it out.
    pub(crate) fn take(&mut self) -> Self {
        Self(self.0.take())
    }
}

/// A root of its own, because many callers wait for one refresh and it outlives them all; it
/// follows from the span that started it.
#[derive(Clone, Debug)]
pub(crate) struct RefreshSpan(trace::Span);

impl RefreshSpan {
    pub(crate) fn new(parts: &Parts, plan: &Plan, cause: Cause) -> Self {
        let epoch = plan.known.as_ref().map(|known| known.epoch);
        let begun = Begun { reason: plan.into(), generation: plan.generation, epoch };
        Self(parts.telemetry.0.refresh(begun, cause.0))
    }

    /// The work, inside the span at each poll.
    pub(crate) fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        self.0.around(work)
    }

    pub(crate) fn end(&self, ended: Ended) {
        self.0.end(ended);
    }
}
