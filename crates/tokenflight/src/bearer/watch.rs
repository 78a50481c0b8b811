//! A gRPC call tells how it ended in its trailers: too late to send it again, in time for the next one.

use http::{HeaderMap, StatusCode};

use super::{
    call::Sent,
    grpc::{self, Ended},
    refusal::AlsoRefused,
};
use crate::{session::Inner, sync::Arc};

/// Waits for the trailers of a call.
pub(super) struct Watch {
    session: Arc<Inner>,
    also_refused: AlsoRefused,
    sent: Sent,
    status: StatusCode,
}

impl Watch {
    pub(super) const fn new(session: Arc<Inner>, also_refused: AlsoRefused, sent: Sent, status: StatusCode) -> Self {
        Self { session, also_refused, sent, status }
    }

    /// The call has ended with these trailers.
    pub(super) fn ended(self, trailers: &HeaderMap) {
        let also = self.also_refused.says(self.status, trailers);
        match grpc::ended(trailers) {
            // Marks the token, so that the next call has another. The driver, or that call, moves the flight on.
            Some(Ended::Unauthenticated) => drop(self.sent.note(&self.session, 0)),
            _ if also => drop(self.sent.note(&self.session, 0)),
            Some(Ended::Ok) => self.session.accepted(self.sent.origin),
            Some(Ended::Otherwise) | None => {}
        }
    }
}
