use std::{fmt, time::Duration};

use tokenflight_core::{
    Event, Grant, Time,
    grant::ReusePolicy,
    store::{GrantKey, Store},
};
use tokenflight_machine::Policy;

use super::{Audiences, Common, Members};
use crate::{
    BuildError, Session, SessionBuilder,
    sync::{Arc, StdArc},
};

/// Builds [`Audiences`].
///
/// Settings hold for the common session and for each audience: how long a token request may take,
/// how failures are spaced, when a renewal is due. Nothing is checked before
/// [`build`](Self::build).
#[must_use = "a builder does nothing until it is built"]
pub struct AudiencesBuilder {
    grants: Vec<(Arc<str>, Arc<dyn Grant>)>,
    key: GrantKey,
    /// The settings of the common session, which is built for the first audience's grant.
    settings: Vec<Setting>,
}

type Setting = Box<dyn FnOnce(SessionBuilder) -> SessionBuilder + Send + Sync>;

impl AudiencesBuilder {
    pub(super) fn new() -> Self {
        Self { grants: Vec::new(), key: GrantKey::new("default"), settings: Vec::new() }
    }

    /// Adds an audience: how to present the common refresh token for it. The last of a name counts.
    ///
    /// The first audience's grant stands for all: its issuer, client, reuse policy, way to revoke.
    pub fn audience(mut self, name: impl Into<Arc<str>>, grant: impl Grant) -> Self {
        let name = name.into();
        self.grants.retain(|(known, _)| *known != name);
        self.grants.push((name, Arc::new(grant)));
        self
    }

    fn with(mut self, setting: impl FnOnce(SessionBuilder) -> SessionBuilder + Send + Sync + 'static) -> Self {
        self.settings.push(Box::new(setting));
        self
    }

    /// Where the refresh token survives. Default: a [`MemoryStore`](crate::MemoryStore) of its own.
    /// Each process obtains access tokens of its own.
    pub fn store(self, store: impl Store) -> Self {
        self.with(|builder| builder.store(store))
    }

    /// As [`SessionBuilder::time`].
    pub fn time(self, time: impl Time) -> Self {
        self.with(|builder| builder.time(time))
    }

    /// The refresh token's name in the store. Default: `default`.
    pub fn key(mut self, key: GrantKey) -> Self {
        self.key = key.clone();
        self.with(|builder| builder.key(key))
    }

    /// As [`SessionBuilder::holder`].
    pub fn holder(self, name: impl Into<Box<str>>) -> Self {
        let name = name.into();
        self.with(|builder| builder.holder(name))
    }

    /// As [`SessionBuilder::label`], of the common session and of each audience.
    pub fn label(self, label: &'static str) -> Self {
        self.with(move |builder| builder.label(label))
    }

    /// As [`SessionBuilder::policy`].
    pub fn policy(self, policy: impl Into<StdArc<Policy>>) -> Self {
        let policy = policy.into();
        self.with(|builder| builder.policy(policy))
    }

    /// As [`SessionBuilder::configure`].
    pub fn configure(self, change: impl FnOnce(&mut Policy) + Send + Sync + 'static) -> Self {
        self.with(|builder| builder.configure(change))
    }

    /// As [`SessionBuilder::reuse_policy`].
    pub fn reuse_policy(self, policy: ReusePolicy) -> Self {
        self.with(move |builder| builder.reuse_policy(policy))
    }

    /// As [`SessionBuilder::request_limit`].
    pub fn request_limit(self, limit: Duration) -> Self {
        self.with(move |builder| builder.request_limit(limit))
    }

    /// Calls a function at every event of the common session; see [`Audiences::events`] and
    /// [`SessionBuilder::on_event`].
    pub fn on_event(self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.with(|builder| builder.on_event(listener))
    }

    /// Builds the sessions. They do nothing yet.
    ///
    /// # Errors
    ///
    /// As [`SessionBuilder::build`]; [`BuildError::NoAudience`] if there is no audience.
    pub fn build(self) -> Result<Audiences, BuildError> {
        let (_, first) = self.grants.first().ok_or(BuildError::NoAudience)?;
        let members = Arc::new(Members::default());
        let root = SessionBuilder::common(Arc::clone(first), Arc::clone(&members));
        let root = self.settings.into_iter().fold(root, |builder, setting| setting(builder));
        // Audiences are told of the unstored, so requests with a token ask: there may be no driver.
        let told = Arc::clone(&members);
        let root = root.on_event(move |event| {
            if matches!(event, Event::Unpersisted { .. }) {
                told.outdate();
            }
        });
        let common = Arc::new(Common::new(root.build()?));
        let session = |(name, grant)| Ok((name, SessionBuilder::audience(grant, Arc::clone(&common)).build()?));
        let sessions =
            self.grants.into_iter().map(session).collect::<Result<Arc<[(Arc<str>, Session)]>, BuildError>>()?;
        members.are(sessions.iter().map(|(_, session)| Arc::downgrade(&session.inner)).collect());
        Ok(Audiences { common, sessions })
    }
}

impl fmt::Debug for AudiencesBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.grants.iter().map(|(name, _)| name).collect();
        f.debug_struct("AudiencesBuilder").field("audiences", &names).field("key", &self.key).finish_non_exhaustive()
    }
}
