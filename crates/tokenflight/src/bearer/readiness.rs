//! Waiting for the inner service beside a flight that perhaps nothing else polls.
//!
//! Without a driver a flight stands still when those who waited for it are gone, and it may hold
//! the very permit that the next request needs to be ready. So what waits for readiness keeps it
//! moving; beside a driver as well, which may go.
//!
//! A flight that begins only after this one has begun to wait does not wake it; a driver does away
//! with all of it.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    task::{Context, Poll},
};

use tower_service::Service;

use crate::{flights::Carries, slot::Inner, sync::Arc};

/// Waits until this service of a request is ready.
pub(super) async fn ready<S: Service<B>, B>(service: &mut S, session: &Arc<Inner>) -> Result<(), S::Error> {
    let mut readiness = Readiness::default();
    poll_fn(|cx| readiness.poll_ready(service, Some(session), cx)).await
}

/// The flight that is kept moving, if there is one.
#[derive(Default)]
pub(super) struct Readiness(Option<Carries>);

impl Readiness {
    /// The service's readiness and nothing else; while it is pending, what the session has in
    /// progress is polled, if the session is known.
    pub(super) fn poll_ready<S, B>(
        &mut self,
        service: &mut S,
        session: Option<&Arc<Inner>>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), S::Error>>
    where
        S: Service<B>,
    {
        loop {
            if let Poll::Ready(ready) = service.poll_ready(cx) {
                self.0 = None;
                return Poll::Ready(ready);
            }
            if self.0.is_none() {
                self.0 = session.and_then(|session| session.moving());
            }
            let Some(flight) = self.0.as_mut() else { return Poll::Pending };
            if Pin::new(flight).poll(cx).is_pending() {
                return Poll::Pending;
            }
            // What it held is free now.
            self.0 = None;
        }
    }
}
