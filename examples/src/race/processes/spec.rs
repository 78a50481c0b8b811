//! What a child is told, in the first line of its standard input: tokens have no place among a
//! program's arguments.

use tokenflight::ReusePolicy;

use super::prelude::*;

/// A child's part and its surroundings.
#[derive(Serialize, Deserialize)]
pub(super) struct Spec {
    /// What it does.
    pub(super) part: Part,
    /// Whose process it is.
    pub(super) kind: Kind,
    /// Where the contestant keeps its tokens.
    pub(super) folder: PathBuf,
    /// Where the API is.
    pub(super) api: String,
    /// Where the token endpoint is.
    pub(super) token: String,
    /// Where its think times come from.
    pub(super) seed: u64,
    /// How long the server takes a spent refresh token again, in seconds.
    pub(super) grace: f64,
}

/// What a child does.
#[derive(Serialize, Deserialize)]
pub(super) enum Part {
    /// Calls the API until it is told to stop.
    Work,
    /// Stores the tokens of a login and ends, as `tool login` does.
    Login {
        access: String,
        refresh: String,
        /// How long the access token lives, in seconds.
        lifetime: f64,
    },
}

/// The line after the first that asks a working child to end what it does, and then itself.
pub(super) const STOP: &str = "stop";

impl Spec {
    /// What is known of the server's policy for spent refresh tokens.
    pub(super) fn reuse_policy(&self) -> ReusePolicy {
        match Duration::try_from_secs_f64(self.grace) {
            Ok(window) if !window.is_zero() => ReusePolicy::grace(window),
            _ => ReusePolicy::Strict,
        }
    }
}

impl Part {
    /// The part that stores this token set.
    pub(super) fn login(set: &TokenSet) -> Self {
        Self::Login {
            access: set.access().expose().to_owned(),
            refresh: set.refresh().map_or_else(String::new, |token| token.expose().to_owned()),
            lifetime: set.lifetime().unwrap_or_default().as_secs_f64(),
        }
    }
}
