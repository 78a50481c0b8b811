use std::fmt;

use http::HeaderValue;
use tokenflight_core::{AccessToken, Generation, LoginId, Unsendable};
use tokenflight_machine as machine;

use crate::sync::Arc;

/// An access token as a session hands it out, with the login and generation it belongs to.
///
/// Cloning is cheap. `Debug` shows the numbers only.
#[derive(Clone)]
pub struct Token {
    access: Access,
    login: LoginId,
    generation: Generation,
}

/// An access token in a form that can be sent.
#[derive(Clone)]
pub(crate) struct Access(Arc<Inner>);

struct Inner {
    access: AccessToken,
    header: HeaderValue,
    scope: Option<String>,
}

impl Access {
    pub(crate) fn new(access: AccessToken, scope: Option<String>) -> Result<Self, Unsendable> {
        let header = access.to_header()?;
        Ok(Self(Arc::new(Inner { access, header, scope })))
    }

    pub(crate) fn header(&self) -> &HeaderValue {
        &self.0.header
    }
}

impl machine::Token for Access {
    fn is_same(&self, other: &Self) -> bool {
        self.0.access == other.0.access
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Access([redacted])")
    }
}

impl Token {
    pub(crate) const fn new(access: Access, login: LoginId, generation: Generation) -> Self {
        Self { access, login, generation }
    }

    pub(crate) const fn secret(&self) -> &Access {
        &self.access
    }

    /// The `Authorization` value, `Bearer …`, marked sensitive. Cloning it copies nothing.
    #[must_use]
    pub fn header(&self) -> &HeaderValue {
        self.access.header()
    }

    /// The token itself.
    #[must_use]
    pub fn access(&self) -> &AccessToken {
        &self.access.0.access
    }

    /// The granted scope, if the server named it.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.access.0.scope.as_deref()
    }

    /// The generation, for [`Session::newer_than`](super::Session::newer_than).
    #[must_use]
    pub const fn generation(&self) -> Generation {
        self.generation
    }

    /// The login it belongs to.
    #[must_use]
    pub const fn login(&self) -> LoginId {
        self.login
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token([redacted; login {}, generation {}])", self.login, self.generation)
    }
}
