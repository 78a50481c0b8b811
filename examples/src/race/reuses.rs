//! Every spent refresh token that came back, as the server told it.

use std::sync::{Arc, Mutex, PoisonError};

use tokenflight::Now;
use tokenflight_test::auth::Reused;

#[derive(Clone, Debug, Default)]
pub(crate) struct Reuses(Arc<Mutex<Vec<Reused>>>);

impl Reuses {
    pub(crate) fn add(&self, reused: &Reused) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(reused.clone());
    }

    /// Those of this client's logins.
    pub(crate) fn of(&self, label: &str) -> Vec<Reused> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter(|reused| reused.label == label).cloned().collect()
    }

    /// When the client's session was ended by one.
    pub(crate) fn death(&self, label: &str) -> Option<Now> {
        self.of(label).iter().find(|reused| reused.ended).map(|reused| reused.at)
    }
}
