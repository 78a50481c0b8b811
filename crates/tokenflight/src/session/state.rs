use tokenflight_core::{Error, Generation, LoginId};

/// What a session looks like from outside, at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct State {
    /// Where it stands.
    pub status: Status,
    /// The current login.
    pub login: LoginId,
    /// Distinct access tokens so far.
    pub generation: Generation,
    /// Whether a refresh is in progress.
    pub refreshing: bool,
    /// Whether something has not reached the store yet.
    pub unsaved: bool,
    /// How often a server refused a token that was just issued.
    pub fresh_refused: u64,
}

/// Where a session stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Status {
    /// The store has not been read yet; the first call that needs a token reads it.
    Unloaded,
    /// There is a token that can be used.
    Usable,
    /// Logged in, but the token has expired or was refused.
    Stale,
    /// The authorization server ended the session; the access token serves until expiry or refusal.
    Ending(Error),
    /// Logged out, ended, or never logged in; the error says which.
    Over(Error),
}
