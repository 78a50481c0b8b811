use std::sync::Arc;

use tokio::sync::watch;

/// Says that the run has to end early, and why. Cloning shares.
///
/// Nothing is dropped where it stands: a refresh under way is finished, because its answer may be the only
/// copy of the user's session.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(Arc<watch::Sender<Option<&'static str>>>);

impl Interrupt {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
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

    /// Raises it when the user or the system wants the process to end.
    pub(super) async fn listen(self) {
        let wanted = async {
            // Without the handler the system would end us on the spot; if it cannot be had, it will.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = wanted => self.raise("interrupted"),
            () = terminated() => self.raise("terminated"),
        }
        // The handlers stay: a second signal must not hit a refresh either.
    }
}

#[cfg(unix)]
async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};

    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn terminated() {
    std::future::pending().await
}
