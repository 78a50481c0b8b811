//! Why a run ends early.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    problem::Problem,
    signals::{Asked, Signals},
};

/// Says that the run has to end early, and why. Cloning shares.
///
/// Nothing is dropped where it stands: a refresh under way is finished, because its answer may be
/// the only copy of the login.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(Arc<watch::Sender<Option<&'static str>>>);

impl Interrupt {
    /// One that is raised when the user or the system wants the process to end. A second signal
    /// does nothing: it must not hit a refresh either.
    pub(super) fn listening() -> Result<Self, Problem> {
        let mut signals = Signals::listen().map_err(|error| Problem::io("listening to signals", &error))?;
        let interrupt = Self(Arc::new(watch::Sender::new(None)));
        let own = interrupt.clone();
        #[allow(clippy::disallowed_methods)] // It ends with the runtime of this command.
        tokio::spawn(async move {
            match signals.next().await {
                Asked::Terminal => own.raise("interrupted"),
                Asked::Alone => own.raise("terminated"),
            }
        });
        Ok(interrupt)
    }

    /// Ends the run; the first reason counts.
    pub(super) fn raise(&self, reason: &'static str) {
        self.0.send_if_modified(|known| known.replace(known.unwrap_or(reason)).is_none());
    }

    pub(super) fn reason(&self) -> Option<&'static str> {
        *self.0.borrow()
    }

    /// Waits for it.
    pub(super) async fn raised(&self) {
        // It cannot be closed while `self` is there.
        let _ = self.0.subscribe().wait_for(Option::is_some).await;
    }

    /// Waits for something that costs nothing to give up.
    ///
    /// # Errors
    ///
    /// The reason, if it was given up.
    pub(super) async fn unless<T>(&self, waited: impl Future<Output = T>) -> Result<T, &'static str> {
        tokio::select! {
            // What is there is taken.
            biased;
            found = waited => Ok(found),
            () = self.raised() => Err(self.reason().unwrap_or_default()),
        }
    }
}
