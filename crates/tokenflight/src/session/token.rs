use std::fmt;

use http::HeaderValue;
use tokenflight_core::{AccessToken, Epoch, Generation};
use tokenflight_machine::Machine;

use crate::sync::Arc;

/// An access token as a session hands it out, with the numbers that say which one it is.
///
/// Cloning is cheap. `Debug` shows the numbers only.
#[derive(Clone)]
pub struct Token(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    access: AccessToken,
    header: HeaderValue,
    scope: Option<String>,
    epoch: Epoch,
    generation: Generation,
    /// The first generation that had this access token.
    since: Generation,
}

impl Token {
    pub(crate) fn new(access: AccessToken, header: HeaderValue, scope: Option<String>) -> Self {
        let (epoch, generation, since) = Default::default();
        Self(Arc::new(Inner { access, header, scope, epoch, generation, since }))
    }

    /// The same token under the numbers the machine has for it.
    pub(crate) fn numbered(self, machine: &Machine) -> Self {
        let (epoch, generation, since) = (machine.epoch(), machine.generation(), machine.since());
        if (self.0.epoch, self.0.generation, self.0.since) == (epoch, generation, since) {
            return self;
        }
        let inner = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Inner { epoch, generation, since, ..inner }))
    }

    /// Whether this is another access token than the one of an earlier generation, of the same login.
    pub(crate) fn differs_from(&self, epoch: Epoch, generation: Generation) -> bool {
        self.0.epoch == epoch && self.0.since > generation
    }

    /// The `Authorization` value, `Bearer …`, marked sensitive. Cloning it copies nothing.
    #[must_use]
    pub fn header(&self) -> &HeaderValue {
        &self.0.header
    }

    /// The token itself.
    #[must_use]
    pub fn access(&self) -> &AccessToken {
        &self.0.access
    }

    /// The granted scope, if the server named it.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.0.scope.as_deref()
    }

    /// The generation, for [`Session::newer_than`](super::Session::newer_than).
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.0.generation
    }

    /// The login it belongs to.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.0.epoch
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token([redacted; e={} g={}])", self.0.epoch, self.0.generation)
    }
}
