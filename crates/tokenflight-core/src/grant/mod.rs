//! How a token set is obtained: the [`Grant`] contract.
//!
//! ```
//! use std::time::Duration;
//! use tokenflight_core::{Grant, GrantError, TokenSet, grant::{TokenRequest, grant_fn}};
//!
//! // Any backend: an async function from the current refresh token to the next token set.
//! let grant = grant_fn(|request: TokenRequest| async move {
//!     let Some(refresh_token) = request.refresh_token() else {
//!         return Err(GrantError::config("no refresh token"));
//!     };
//!     // Send it to the token endpoint here.
//!     let _ = refresh_token.expose();
//!     Ok(TokenSet::new("access").refresh_token("next").expires_in(Duration::from_secs(300)))
//! });
//! assert!(grant.needs_refresh_token());
//! ```

pub(crate) mod contract;
pub(crate) mod error;
mod function;
pub mod issuer;
mod request;
mod reuse;

pub(crate) use self::{
    contract::Grant,
    error::{FailureClass, GrantError},
};
pub use self::{
    function::{GrantFn, grant_fn},
    request::{Reason, TokenRequest},
    reuse::ReusePolicy,
};
