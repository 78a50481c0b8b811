//! What a contestant is to the process that runs it.

use tokenflight::{BoxError, BoxFuture, TokenSet};

/// What a process needs of a contestant.
pub(in crate::race::processes) trait Program: Send + Sync {
    /// A usable access token other than the refused one, with whatever refreshing that takes.
    ///
    /// [`NoToken`] says what would help.
    fn token<'a>(&'a self, refused: Option<&'a str>) -> BoxFuture<'a, Result<String, NoToken>>;

    /// Stores the tokens of a login.
    fn login(&self, tokens: TokenSet) -> BoxFuture<'_, Result<(), BoxError>>;

    /// Ends what is in progress, before the process ends.
    fn end(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// Why there is no token.
#[derive(Debug)]
pub(in crate::race::processes) enum NoToken {
    /// Only a login helps.
    Login,
    /// Another try may help.
    Failed(BoxError),
}

/// A contestant, ready to run: what the process calls, and what renews ahead of time, if any does.
pub(in crate::race::processes) struct Opened {
    /// What the process calls.
    pub(in crate::race::processes) program: Box<dyn Program>,
    /// To be spawned by processes that stay.
    pub(in crate::race::processes) timer: Option<BoxFuture<'static, ()>>,
}
