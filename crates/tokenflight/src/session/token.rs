use std::fmt;

use http::HeaderValue;
use tokenflight_core::{AccessToken, Epoch, Generation};

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
}

impl Token {
    pub(crate) fn new(access: AccessToken, header: HeaderValue, scope: Option<String>) -> Self {
        let (epoch, generation) = Default::default();
        Self(Arc::new(Inner { access, header, scope, epoch, generation }))
    }

    /// The same token under these numbers.
    pub(crate) fn numbered(self, epoch: Epoch, generation: Generation) -> Self {
        if (self.0.epoch, self.0.generation) == (epoch, generation) {
            return self;
        }
        let inner = Arc::unwrap_or_clone(self.0);
        Self(Arc::new(Inner { epoch, generation, ..inner }))
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
