//! What a client is to the race.

use std::sync::Arc;

use http::StatusCode;
use tokenflight::{BoxError, BoxFuture};

/// What a worker needs of a client.
pub(crate) trait Client: Send + Sync + 'static {
    /// Asks the API once, with whatever refreshing and repeating that takes.
    ///
    /// Fails when there is no answer. A 401 is an answer.
    ///
    /// # Cancel safety
    ///
    /// Workers drop it at any moment; what that does to the session is the question.
    fn get(&self) -> BoxFuture<'_, Result<StatusCode, BoxError>>;
}

/// A client, ready to run: the handle the workers share, and its timer.
pub(crate) struct Entry {
    /// What the workers call.
    pub(crate) client: Arc<dyn Client>,
    /// What renews ahead of time, to be spawned.
    pub(crate) timer: BoxFuture<'static, ()>,
}
