//! A gRPC call tells how it ended in its trailers: too late to send it again, in time for the next.

use http::{HeaderMap, StatusCode};

use super::{
    challenge::Meaning,
    grpc,
    refusal::{AlsoRefused, trigger},
    sent::Sent,
};
use crate::{
    slot::Inner,
    sync::Arc,
    telemetry::{Replay, Signal},
};

/// Waits for the trailers of a call.
pub(super) struct Watch {
    session: Arc<Inner>,
    also_refused: AlsoRefused,
    sent: Sent,
    status: StatusCode,
    replayed: bool,
}

impl Watch {
    pub(super) const fn new(session: Arc<Inner>, also_refused: AlsoRefused, sent: Sent, status: StatusCode) -> Self {
        Self { session, also_refused, sent, status, replayed: false }
    }

    /// The call had been refused before.
    pub(super) const fn mark_replayed(&mut self) {
        self.replayed = true;
    }

    /// The call has ended with these trailers.
    pub(super) fn ended(self, trailers: &HeaderMap) {
        // Marks the token: the next call has another. The driver or that call moves the refresh on.
        if grpc::unauthenticated(trailers) == Some(true) || self.also_refused.says(self.status, trailers) {
            let trigger = trigger(self.status, trailers);
            let told = || Signal::refused(trigger, Meaning::Refresh, self.sent.generation, Replay::TooLate);
            self.session.parts.signal(told);
            drop(self.session.refused(self.sent.refused(0).returned()));
        } else if self.replayed {
            self.session.accepted(self.sent.origin);
        }
    }
}
