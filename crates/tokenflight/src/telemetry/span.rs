//! The span around a refresh.

use std::future::Future;

use tokenflight_core::{Epoch, Generation};
use tokenflight_machine::Plan;

use super::{Ended, sets::Reason, trace};
use crate::parts::Parts;

/// The span in which a refresh is started, until that takes it. Made before the slot is locked and dropped after it is released,
/// because both call the subscriber.
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

/// A root of its own, because many callers wait for one refresh and it outlives them all; it follows from the span that started
/// it.
#[derive(Clone, Debug)]
pub(crate) struct RefreshSpan(trace::Span);

/// What a refresh sets out with.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "tracing"), allow(dead_code))]
pub(super) struct Begun {
    pub(super) reason: Reason,
    pub(super) generation: Generation,
    /// Of what was last seen of the store.
    pub(super) epoch: Option<Epoch>,
}

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
