//! The contract itself.

use std::sync::Arc;

use super::{GrantError, ReusePolicy, TokenRequest};
use crate::{BoxFuture, RefreshToken, TokenSet};

/// The way to obtain a token set.
///
/// # Contract
///
/// * One call makes at most **one** submission to the authorization server: no retries, no
///   redirects, no probing of authentication styles, and never through a client that carries this
///   session's own layer.
/// * The error names the [`FailureClass`](crate::FailureClass). When in doubt:
///   [`FailureClass::Ambiguous`](crate::FailureClass::Ambiguous).
/// * The engine bounds the call in time; the future may be dropped when the limit is reached.
pub trait Grant: Send + Sync + 'static {
    /// Sends one token request.
    ///
    /// # Errors
    ///
    /// [`GrantError`] with the class of the failure.
    ///
    /// # Panics
    ///
    /// A panic is caught and counts as [`FailureClass::Ambiguous`](crate::FailureClass::Ambiguous),
    /// or as [`FailureClass::NotSent`](crate::FailureClass::NotSent) if the request was declared
    /// [unsent](TokenRequest::mark_unsent).
    ///
    /// # Cancel safety
    ///
    /// Callers come and go; the engine keeps the future. It is dropped at its time limit; if the
    /// last handle of the session has gone and no driver is left that carries it; and, where the
    /// server's refresh tokens [stay the same](ReusePolicy::NonRotating), if it is for one of
    /// several audiences and neither a caller nor a driver waits for that one any more.
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>>;

    /// The grant that this one stands in front of, if it only adds to its
    /// [`request`](Self::request): the methods below that are not written ask that one. `None`, the
    /// default, is a grant of its own.
    ///
    /// ```
    /// # use tokenflight_core::{BoxFuture, Grant, GrantError, TokenSet, grant::TokenRequest};
    /// struct Logged<G>(G);
    ///
    /// impl<G: Grant> Grant for Logged<G> {
    ///     fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
    ///         println!("{:?}", request.reason());
    ///         self.0.request(request)
    ///     }
    ///
    ///     fn inner(&self) -> Option<&dyn Grant> {
    ///         Some(&self.0)
    ///     }
    /// }
    /// ```
    fn inner(&self) -> Option<&dyn Grant> {
        None
    }

    /// Whether it needs a refresh token. `false` if it can always ask anew (client credentials).
    fn needs_refresh_token(&self) -> bool {
        self.inner().is_none_or(Grant::needs_refresh_token)
    }

    /// Whose tokens these are: the authorization server's issuer identifier (RFC 8414 §2), or its
    /// token endpoint's origin. It is stored with the tokens; a session whose store holds the
    /// tokens of another refuses to present them, and says so as
    /// [`FailureClass::Config`](crate::FailureClass::Config). `None`, the default, is any issuer.
    fn issuer(&self) -> Option<&str> {
        self.inner()?.issuer()
    }

    /// The client that presents the tokens, as the server knows it (RFC 6749 §2.2). A refresh token
    /// is bound to the client it was issued to (RFC 6749 §6), so it is stored with the tokens like
    /// the issuer: a session of another client must neither present them nor believe a refusal of
    /// them. `None`, the default, is a grant without a client id.
    fn client_id(&self) -> Option<&str> {
        self.inner()?.client_id()
    }

    /// What the server does with a refresh token that is presented twice, if the grant knows. A
    /// session takes it over unless told another one. `None`, the default, leaves it at strict.
    fn reuse_policy(&self) -> Option<ReusePolicy> {
        self.inner()?.reuse_policy()
    }

    /// Tells the server that a refresh token is no longer wanted (RFC 7009). Best effort; does
    /// nothing by default.
    ///
    /// # Errors
    ///
    /// The failure.
    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        match self.inner() {
            Some(inner) => inner.revoke(token),
            None => Box::pin(async { Ok(()) }),
        }
    }
}

impl<G: Grant + ?Sized> Grant for Arc<G> {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        (**self).request(request)
    }

    fn inner(&self) -> Option<&dyn Grant> {
        (**self).inner()
    }

    fn needs_refresh_token(&self) -> bool {
        (**self).needs_refresh_token()
    }

    fn issuer(&self) -> Option<&str> {
        (**self).issuer()
    }

    fn client_id(&self) -> Option<&str> {
        (**self).client_id()
    }

    fn reuse_policy(&self) -> Option<ReusePolicy> {
        (**self).reuse_policy()
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        (**self).revoke(token)
    }
}
