use std::sync::Arc;

use tokenflight_core::Now;

/// A spent refresh token that was presented again, outside any grace window. See
/// [`Builder::on_reuse`](super::Builder::on_reuse).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reused {
    /// The login that it descends from: all logins are counted, from one.
    pub login: usize,
    /// The label of that login.
    pub label: String,
    /// How many rotations lie between the login and this token.
    pub rotation: usize,
    /// Whether the answer that spent it was lost, so that no client could have known better.
    pub answer_lost: bool,
    /// Whether the session was alive until now, and is over by this.
    pub ended: bool,
    /// When, on the server's clocks.
    pub at: Now,
}

/// What is told of it.
#[derive(Clone)]
pub(super) struct OnReuse(pub(super) Arc<dyn Fn(&Reused) + Send + Sync>);
