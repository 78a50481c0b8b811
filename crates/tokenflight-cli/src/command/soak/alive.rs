use tokenflight::Error;

use super::api;

/// Whether the login can still be used.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Alive {
    Yes,
    No(String),
    Unclear(String),
}

impl Alive {
    /// What a refresh says of it, and `why` what ended it.
    pub(super) fn after<T>(refreshed: Result<T, Error>, why: impl FnOnce(&Error) -> String) -> Self {
        match refreshed {
            Ok(_) => Self::Yes,
            Err(error) if error.needs_login() => Self::No(why(&error)),
            Err(error) => Self::Unclear(api::kind(&error)),
        }
    }
}
