use std::{fmt, time::Duration};

use tokenflight_core::{Grant, Store, Time, grant::ReusePolicy, store::GrantKey};

use super::{
    Audiences,
    mint::{Mint, Mintage, Switch},
    nowhere::Nowhere,
};
use crate::{BuildError, Session, sync::Arc};

/// Builds [`Audiences`].
#[must_use = "a builder does nothing until it is built"]
pub struct AudiencesBuilder {
    grants: Vec<(Arc<str>, Arc<dyn Grant>)>,
    store: Option<Arc<dyn Store>>,
    time: Option<Arc<dyn Time>>,
    key: GrantKey,
    reuse_policy: Option<ReusePolicy>,
}

impl AudiencesBuilder {
    pub(super) fn new() -> Self {
        Self { grants: Vec::new(), store: None, time: None, key: GrantKey::new("default"), reuse_policy: None }
    }

    /// Adds an audience: how the common refresh token is presented for it. The last one of a name counts.
    pub fn audience(mut self, name: impl Into<Arc<str>>, grant: impl Grant) -> Self {
        let name = name.into();
        self.grants.retain(|(known, _)| *known != name);
        self.grants.push((name, Arc::new(grant)));
        self
    }

    /// Where the refresh token survives. Access tokens of audiences are not stored: each process gets its own.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// As [`SessionBuilder::time`](crate::SessionBuilder::time).
    pub fn time(mut self, time: impl Time) -> Self {
        self.time = Some(Arc::new(time));
        self
    }

    /// The refresh token's name in the store. Default: `default`.
    pub fn key(mut self, key: GrantKey) -> Self {
        self.key = key;
        self
    }

    /// As [`SessionBuilder::reuse_policy`](crate::SessionBuilder::reuse_policy).
    pub fn reuse_policy(mut self, policy: ReusePolicy) -> Self {
        self.reuse_policy = Some(policy);
        self
    }

    /// Builds the sessions. They do nothing yet.
    ///
    /// # Errors
    ///
    /// As [`SessionBuilder::build`](crate::SessionBuilder::build).
    pub fn build(self) -> Result<Audiences, BuildError> {
        let (names, grants): (Vec<_>, Vec<_>) = self.grants.into_iter().unzip();
        let mintage = Arc::new(Mintage::default());
        let mut root = Session::builder(Switch::new(grants, Arc::clone(&mintage))).key(self.key);
        // Every audience has an interval of its own; between them there need be none.
        root = root.configure(|policy| policy.min_interval = Duration::ZERO);
        if let Some(policy) = self.reuse_policy {
            root = root.reuse_policy(policy);
        }
        if let Some(store) = self.store {
            root = root.shared_store(store);
        }
        let timed = |builder: crate::SessionBuilder| match &self.time {
            Some(time) => builder.shared_time(Arc::clone(time)),
            None => builder,
        };
        let mint = Arc::new(Mint::new(timed(root).build()?, mintage));
        let session = |(index, name)| {
            let builder = Session::builder(Mint::for_audience(&mint, index)).store(Nowhere);
            Ok((name, timed(builder).build()?))
        };
        let sessions = names.into_iter().enumerate().map(session).collect::<Result<_, BuildError>>()?;
        Ok(Audiences { mint, sessions })
    }
}

impl fmt::Debug for AudiencesBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.grants.iter().map(|(name, _)| name).collect();
        f.debug_struct("AudiencesBuilder").field("audiences", &names).field("key", &self.key).finish_non_exhaustive()
    }
}
