use std::{fmt, ops::RangeInclusive, sync::Arc, time::Duration};

use tokenflight_core::Time;

use super::{
    Announce, AuthServer, Client, Fault, Grace, Outgoing, Reuse, Reused, Rotation, config::Config,
    outgoing::BeforeAnswer, reused::OnReuse,
};

/// The habits of an [`AuthServer`]; see [`AuthServer::builder`].
///
/// Defaults: five minutes of access, told as it is; rotation; reuse kills the family's refresh
/// tokens; no grace; no latency; seed 0.
#[derive(Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    config: Config,
    time: Arc<dyn Time>,
}

impl AuthServer {
    /// A strict server with the [default habits](Builder).
    #[must_use]
    pub fn new(time: Arc<dyn Time>) -> Self {
        Self::builder(time).build()
    }

    /// A server with other habits. Its clock is the `boot` clock of `time`, so that a step of the
    /// client's wall clock does not move it; its latencies are sleeps of `time`.
    pub fn builder(time: Arc<dyn Time>) -> Builder {
        Builder { config: Config::default(), time }
    }
}

impl Builder {
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

    /// How long an exchange takes, drawn evenly from the range: one half before the request is
    /// processed, one after.
    pub const fn latency(mut self, latency: RangeInclusive<Duration>) -> Self {
        self.config.latency = latency;
        self
    }

    /// A refresh returns the same access-token string, good for another lifetime unless revoked.
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

    /// Adds a client that the server knows. Without any, every client is taken for the same one and
    /// authenticates in no way; with some, refresh tokens are bound to the client they were issued
    /// to (RFC 6749 §6).
    pub fn client(mut self, client: Client) -> Self {
        self.config.clients.push(client);
        self
    }

    /// Asks this function what becomes of each successful answer that no scripted fault meets:
    /// after the rotation, before the answer leaves. A fault that happens before processing counts
    /// as none. So a fault can be aimed at the client that presents.
    pub fn before_answer(mut self, ask: impl Fn(&Outgoing<'_>) -> Fault + Send + Sync + 'static) -> Self {
        self.config.before_answer = Some(BeforeAnswer(Arc::new(ask)));
        self
    }

    /// Tells this function of each spent refresh token that is presented again, outside any grace
    /// window, before it is refused.
    pub fn on_reuse(mut self, tell: impl Fn(&Reused) + Send + Sync + 'static) -> Self {
        self.config.on_reuse = Some(OnReuse(Arc::new(tell)));
        self
    }

    /// Where tokens, latencies and faults come from. The same seed and calls give the same tokens.
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
