use std::{fmt, ops::RangeInclusive, time::Duration};

use super::{outgoing::BeforeAnswer, reused::OnReuse};

/// What the server says about the lifetime of an access token.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Announce {
    /// The truth.
    Real,
    /// Nothing: `expires_in` is left out.
    Nothing,
    /// This many seconds, whatever the truth is; negative and fractional ones too.
    Seconds(f64),
}

/// What happens to the refresh token in a successful answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rotation {
    /// A new one each time; the presented one is spent.
    Rotate,
    /// The presented one stays good and is repeated in the answer.
    Repeat,
    /// The presented one stays good and the answer does not mention it.
    Omit,
}

/// What the server does when a spent refresh token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reuse {
    /// Refuses it, no more.
    Refuse,
    /// Kills every refresh token of the family.
    KillFamily,
    /// Kills every refresh token and every access token of the family.
    KillFamilyAndAccess,
}

/// A client that the server knows, and how it authenticates: by its name alone, or by a secret in
/// HTTP Basic or in the body (RFC 6749 §2.3.1).
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    pub(super) id: String,
    pub(super) secret: Option<String>,
}

impl Client {
    /// A public client.
    pub fn public(id: impl Into<String>) -> Self {
        Self { id: id.into(), secret: None }
    }

    /// A client with a secret.
    pub fn secret(id: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { id: id.into(), secret: Some(secret.into()) }
    }
}

impl fmt::Debug for Client {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Whether the immediate predecessor of a refresh token may be presented again for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grace {
    /// No.
    None,
    /// Within the window the answer is repeated, word for word.
    SamePair(Duration),
    /// Within the window there is another answer with new tokens; those already issued stay good.
    NewPair(Duration),
    /// The answer is repeated, word for word, until its refresh token or its access token is used.
    UntilUsed,
    /// As [`UntilUsed`](Self::UntilUsed), but there is another answer each time, and the refresh
    /// token of the one before dies.
    UntilUsedReplacing,
}

#[derive(Clone)]
pub(super) struct Config {
    pub(super) lifetime: Duration,
    pub(super) announce: Announce,
    pub(super) rotation: Rotation,
    pub(super) reuse: Reuse,
    pub(super) grace: Grace,
    pub(super) latency: RangeInclusive<Duration>,
    pub(super) same_access: bool,
    pub(super) rotation_revokes_access: bool,
    pub(super) odd_tokens: bool,
    pub(super) clients: Vec<Client>,
    pub(super) before_answer: Option<BeforeAnswer>,
    pub(super) on_reuse: Option<OnReuse>,
    pub(super) seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            lifetime: Duration::from_secs(300),
            announce: Announce::Real,
            rotation: Rotation::Rotate,
            reuse: Reuse::KillFamily,
            grace: Grace::None,
            latency: Duration::ZERO..=Duration::ZERO,
            same_access: false,
            rotation_revokes_access: false,
            odd_tokens: false,
            clients: Vec::new(),
            before_answer: None,
            on_reuse: None,
            seed: 0,
        }
    }
}
