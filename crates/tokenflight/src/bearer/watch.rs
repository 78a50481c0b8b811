//! A gRPC call tells how it ended in its trailers: too late to send it again, in time for the next one.

use http::HeaderMap;

use super::{
    call::Sent,
    grpc::{self, Ended},
};
use crate::{slot::Inner, sync::Arc};

/// Waits for the trailers of a call.
pub(super) struct Watch {
    session: Arc<Inner>,
    sent: Sent,
}

impl Watch {
    pub(super) const fn new(session: Arc<Inner>, sent: Sent) -> Self {
        Self { session, sent }
    }

    /// The call has ended with these trailers.
    pub(super) fn ended(self, trailers: &HeaderMap) {
        match grpc::ended(trailers) {
            // Marks the token, so that the next call has another. The driver, or that call, moves the flight on.
            Some(Ended::Unauthenticated) => {
                drop(self.session.supply(&mut self.sent.refused(0)));
            }
            Some(Ended::Ok | Ended::Otherwise) | None => {}
        }
    }
}
