use tokenflight_core::{Epoch, Error, Generation};

/// What a session looks like from outside, at one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct State {
    /// Where it stands.
    pub status: Status,
    /// Log-ins and log-outs so far.
    pub epoch: Epoch,
    /// Token sets so far.
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
    /// The store has not been read yet; the first who asks for a token has it read.
    Unloaded,
    /// There is a token that can be used.
    Usable,
    /// Logged in, but the token has expired or was refused.
    Stale,
    /// Logged out, ended, or never logged in; the error says which.
    Over(Error),
}
