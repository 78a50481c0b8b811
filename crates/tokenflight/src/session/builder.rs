use std::{fmt, time::Duration};

use tokenflight_core::{
    Event, Grant, Time,
    grant::ReusePolicy,
    store::{GrantKey, Store},
};
use tokenflight_machine::{Machine, Policy, PolicyError, Role, Rules};

use super::{
    Session,
    events::{Listener, Listeners},
};
use crate::{
    audiences::{Common, Members},
    parts::Parts,
    slot::Inner,
    stores::MemoryStore,
    sync::{Arc, OnceLock, StdArc},
    telemetry::Telemetry,
};

/// Builds a [`Session`]. Every default of the [`Policy`] can be replaced; nothing is checked before
/// [`build`](Self::build).
#[must_use = "a builder does nothing until it is built"]
pub struct SessionBuilder {
    grant: Arc<dyn Grant>,
    store: Option<Arc<dyn Store>>,
    time: Option<Arc<dyn Time>>,
    key: GrantKey,
    policy: StdArc<Policy>,
    /// What is known of the server, if the policy does not say.
    reuse: Option<ReusePolicy>,
    listeners: Vec<Listener>,
    holder: Option<Box<str>>,
    label: &'static str,
    role: Role,
    common: Option<Arc<Common<Inner>>>,
    members: Option<Arc<Members<Inner>>>,
}

impl Session {
    /// Begins to build a session that obtains its tokens in this way.
    pub fn builder(grant: impl Grant) -> SessionBuilder {
        SessionBuilder::with(Arc::new(grant), Role::Alone, None)
    }
}

impl SessionBuilder {
    /// The session that several audiences have in common.
    pub(crate) fn common(grant: Arc<dyn Grant>, members: Arc<Members<Inner>>) -> Self {
        Self { members: Some(members), ..Self::with(grant, Role::Common, None) }
    }

    /// The session of one audience.
    pub(crate) fn audience(grant: Arc<dyn Grant>, common: Arc<Common<Inner>>) -> Self {
        let parts = Arc::clone(&common.root.parts);
        let mut builder = Self::with(grant, Role::Audience, Some(common));
        (builder.store, builder.time) = (Some(Arc::clone(&parts.store)), Some(Arc::clone(&parts.time)));
        (builder.key, builder.policy) = (parts.key.clone(), StdArc::clone(&parts.rules.policy));
        builder.reuse = Some(parts.rules.reuse);
        builder.label = parts.telemetry.label();
        builder
    }

    fn with(grant: Arc<dyn Grant>, role: Role, common: Option<Arc<Common<Inner>>>) -> Self {
        Self {
            reuse: grant.reuse_policy(),
            grant,
            store: None,
            time: None,
            key: GrantKey::new("default"),
            policy: default_policy(),
            listeners: Vec::new(),
            holder: None,
            label: "default",
            role,
            common,
            members: None,
        }
    }

    /// Where token sets survive. Default: a [`MemoryStore`] of its own.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Clocks, timers and chance. Default: tokio's, with the feature `tokio`; without it none.
    pub fn time(mut self, time: impl Time) -> Self {
        self.time = Some(Arc::new(time));
        self
    }

    /// The grant's name in the store; needed when one store holds several. Default: `default`.
    pub fn key(mut self, key: GrantKey) -> Self {
        self.key = key;
        self
    }

    /// What this session calls itself when it holds a claim, for people who wonder who it is.
    /// Default: the process id.
    pub fn holder(mut self, name: impl Into<Box<str>>) -> Self {
        self.holder = Some(name.into());
        self
    }

    /// What this session is called in spans and events (`tokenflight.session`): a constant, so that
    /// neither a secret nor a name of a user can be one. Default: `default`. Shown with the feature
    /// `tracing` only.
    pub const fn label(mut self, label: &'static str) -> Self {
        self.label = label;
        self
    }

    /// Replaces all settings at once. An `Arc` is shared by the sessions that are built with it.
    pub fn policy(mut self, policy: impl Into<StdArc<Policy>>) -> Self {
        self.policy = policy.into();
        self
    }

    /// Changes some settings.
    pub fn configure(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(StdArc::make_mut(&mut self.policy));
        self
    }

    /// What the server does with a refresh token that is presented twice. Default: what the grant
    /// knows of it, else that it may end the session.
    pub fn reuse_policy(self, policy: ReusePolicy) -> Self {
        self.configure(|settings| settings.reuse_policy = Some(policy))
    }

    /// How long a token request may take as a whole. Default 60 s; where the server has a grace
    /// window, at most a fifth of it, but never less than 10 s.
    pub fn request_limit(self, limit: Duration) -> Self {
        self.configure(|settings| settings.request_limit = limit)
    }

    /// Calls a function at every event, in the task that caused it: be brief. A panic in it is
    /// caught and changes nothing.
    pub fn on_event(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.listeners.push(Box::new(listener));
        self
    }

    /// What the server does with a refresh token that is presented twice, as far as that is known.
    fn known_reuse(&self) -> ReusePolicy {
        self.policy.reuse_policy.or(self.reuse).unwrap_or(ReusePolicy::Strict)
    }

    /// Builds the session. It does nothing yet: the store is read when a token is first asked for,
    /// or by the driver. Where the grant needs no login, as client credentials do not, either also
    /// obtains the first token, unless a usable one is stored.
    ///
    /// # Errors
    ///
    /// [`BuildError`] names what is missing or makes no sense.
    pub fn build(self) -> Result<Session, BuildError> {
        let reuse = self.known_reuse();
        let store = self.store.unwrap_or_else(|| Arc::new(MemoryStore::default()));
        let mut rules = Rules::new(self.policy).map_err(BuildError::Policy)?;
        rules.reuse = reuse;
        rules.needs_refresh_token = match self.role {
            Role::Alone => self.grant.needs_refresh_token(),
            Role::Common => true,
            Role::Audience => false,
        };
        rules.role = self.role;
        rules.issuer = self.grant.issuer().map(str::to_owned);
        rules.client_id = self.grant.client_id().map(str::to_owned);
        rules.private_store = store.is_private();
        let rules = StdArc::new(rules);
        let machine = Machine::new(StdArc::clone(&rules));
        let parts = Parts {
            grant: self.grant,
            store,
            time: self.time.or_else(default_time).ok_or(BuildError::NoTime)?,
            key: self.key,
            rules,
            listeners: Listeners::new(self.listeners),
            telemetry: Telemetry::new(self.label),
            holder: self.holder.unwrap_or_else(|| format!("process {}", std::process::id()).into()),
        };
        let inner = Inner::new(Arc::new(parts), self.common, self.members, machine);
        Ok(Session { inner: Arc::new(inner) })
    }
}

/// One for all sessions that change nothing in it.
fn default_policy() -> StdArc<Policy> {
    static DEFAULT: OnceLock<StdArc<Policy>> = OnceLock::new();
    StdArc::clone(DEFAULT.get_or_init(StdArc::default))
}

#[cfg(feature = "tokio")]
fn default_time() -> Option<Arc<dyn Time>> {
    Some(Arc::new(crate::time::TokioTime::default()))
}

#[cfg(not(feature = "tokio"))]
fn default_time() -> Option<Arc<dyn Time>> {
    None
}

impl fmt::Debug for SessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBuilder")
            .field("key", &self.key)
            .field("policy", &self.policy)
            .field("reuse_policy", &self.known_reuse())
            .finish_non_exhaustive()
    }
}

/// Why a session cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// No [`Time`] was given and the feature `tokio` is off.
    NoTime,
    /// [`Audiences`](crate::Audiences) were built without one.
    NoAudience,
    /// A setting is out of range, or contradicts another one.
    Policy(PolicyError),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTime => f.write_str("no clock: give the builder a `Time`, or enable the feature `tokio`"),
            Self::NoAudience => f.write_str("no audience: name at least one"),
            Self::Policy(_) => f.write_str("invalid session settings"),
        }
    }
}

impl std::error::Error for BuildError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoTime | Self::NoAudience => None,
            Self::Policy(error) => Some(error),
        }
    }
}
