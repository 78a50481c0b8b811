use std::{fmt, ops::RangeInclusive, sync::Arc, time::Duration};

use tokenflight_core::Time;

use super::{AuthServer, Fault, Outgoing, outgoing::BeforeAnswer};

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

/// A client that the server knows, and how it authenticates: by its name alone, or by a secret in HTTP Basic or in the body
/// (RFC 6749 §2.3.1).
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
    /// Within the window there is another answer with tokens of its own; those already issued stay good.
    NewPair(Duration),
    /// The answer is repeated, word for word, until its refresh token or its access token is used.
    UntilUsed,
    /// As [`UntilUsed`](Self::UntilUsed), but there is another answer each time, and the refresh token of the one before dies.
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
    pub(super) seed: u64,
}

/// The habits of an [`AuthServer`]; see [`AuthServer::builder`].
///
/// Defaults: five minutes of access, told as it is; rotation; reuse kills the family's refresh tokens; no grace; no
/// latency; seed 0.
#[derive(Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    config: Config,
    time: Arc<dyn Time>,
}

impl Builder {
    pub(super) fn new(time: Arc<dyn Time>) -> Self {
        let config = Config {
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
            seed: 0,
        };
        Self { config, time }
    }

    /// How long an access token is good.
    pub const fn access_lifetime(mut self, lifetime: Duration) -> Self {
        self.config.lifetime = lifetime;
        self
    }

    /// What `expires_in` says about it.
    pub const fn announce(mut self, announce: Announce) -> Self {
        self.config.announce = announce;
        self
    }

    /// What happens to the refresh token in an answer.
    pub const fn rotation(mut self, rotation: Rotation) -> Self {
        self.config.rotation = rotation;
        self
    }

    /// What happens when a spent refresh token comes back.
    pub const fn reuse(mut self, reuse: Reuse) -> Self {
        self.config.reuse = reuse;
        self
    }

    /// Whether the immediate predecessor may come back for a while.
    pub const fn grace(mut self, grace: Grace) -> Self {
        self.config.grace = grace;
        self
    }

    /// How long an exchange takes, drawn evenly from the range: one half before the request is processed, one after.
    pub const fn latency(mut self, latency: RangeInclusive<Duration>) -> Self {
        self.config.latency = latency;
        self
    }

    /// A refresh returns the same access-token string again, good for another lifetime unless it was revoked.
    pub const fn same_access_token(mut self, same: bool) -> Self {
        self.config.same_access = same;
        self
    }

    /// A refresh revokes the access tokens the family had before it.
    pub const fn rotation_revokes_access(mut self, revokes: bool) -> Self {
        self.config.rotation_revokes_access = revokes;
        self
    }

    /// Refresh tokens hold characters that a form must escape, as RFC 6749 appendix A.17 allows.
    pub const fn odd_tokens(mut self, odd: bool) -> Self {
        self.config.odd_tokens = odd;
        self
    }

    /// Adds a client that the server knows. Without any, every client is taken for the same one and authenticates in no way;
    /// with some, refresh tokens are bound to the client they were issued to (RFC 6749 §6).
    pub fn client(mut self, client: Client) -> Self {
        self.config.clients.push(client);
        self
    }

    /// Asks this function what becomes of each successful answer that no scripted fault meets: after the rotation, before the
    /// answer leaves. A fault that happens before processing counts as none. So a fault can be aimed at the client that
    /// presents.
    pub fn before_answer(mut self, ask: impl Fn(&Outgoing<'_>) -> Fault + Send + Sync + 'static) -> Self {
        self.config.before_answer = Some(BeforeAnswer(Arc::new(ask)));
        self
    }

    /// Where tokens, latencies and fault draws come from. The same seed and the same calls give the same tokens.
    pub const fn seed(mut self, seed: u64) -> Self {
        self.config.seed = seed;
        self
    }

    /// Opens the server.
    #[must_use]
    pub fn build(self) -> AuthServer {
        AuthServer::open(self.config, self.time)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("access_lifetime", &self.config.lifetime)
            .field("announce", &self.config.announce)
            .field("rotation", &self.config.rotation)
            .field("reuse", &self.config.reuse)
            .field("grace", &self.config.grace)
            .field("latency", &self.config.latency)
            .field("seed", &self.config.seed)
            .finish_non_exhaustive()
    }
}
