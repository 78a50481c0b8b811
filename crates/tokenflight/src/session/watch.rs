use std::fmt;

use super::State;
use crate::{slot::Inner, sync::Arc};

/// Tells of changes of the token: adopted, refused, expired, logged in or out. Misses intermediate
/// ones, never the last.
///
/// It keeps the session alive. Expiry shows only with a driver.
#[derive(Clone)]
pub struct Watch {
    session: Arc<Inner>,
    seen: u64,
}

impl Watch {
    pub(crate) fn new(session: Arc<Inner>) -> Self {
        let seen = session.stamp();
        Self { session, seen }
    }

    /// Waits for a change since the last call, or since the watch was made.
    ///
    /// # Cancel safety
    ///
    /// A change is reported by the next call.
    pub async fn changed(&mut self) -> State {
        loop {
            // Listen first: a change between the look and the wait must not be missed.
            let listener = self.session.listen();
            let stamp = self.session.stamp();
            if stamp != self.seen {
                self.seen = stamp;
                return self.session.state();
            }
            listener.await;
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("seen", &self.seen).finish_non_exhaustive()
    }
}
