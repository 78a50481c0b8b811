//! Tokens from real authorization servers: token-endpoint grants for a `tokenflight` session, over
//! any tower HTTP client.
//!
//! Every outcome of a token request ends in exactly one
//! [`FailureClass`](tokenflight_core::FailureClass), so that a session is never lost to a misread
//! answer and never kept alive against a dead one. Read in this order: [`TokenEndpoint`] (where a
//! token request goes, and as whom), [`OAuthGrant`] (what it asks for), [`answer`] (what the answer
//! means), [`provider`] (what is known of the server), [`workload`] (identities clouds hand out).
//!
//! ```
//! use tokenflight_core::Grant;
//! use tokenflight_oauth2::{ClientAuth, TokenEndpoint, provider};
//!
//! # fn example<S>(client: S) -> Result<(), tokenflight_oauth2::EndpointError>
//! # where
//! #     S: tokenflight_oauth2::TokenClient,
//! # {
//! let grant = TokenEndpoint::new("https://example.okta.com/oauth2/default/v1/token", client)?
//!     .provider(provider::OKTA)
//!     .client(ClientAuth::basic("client-id", "client-secret"))
//!     .refresh_token();
//! assert_eq!(grant.issuer(), Some("https://example.okta.com"));
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `client` (on by default) `client::https` is a ready client that sends each
//! request once, follows no redirects and gives up on connections in time.

mod address;
pub mod answer;
pub mod auth;
#[cfg(feature = "client")]
pub mod client;
pub mod discovery;
mod endpoint;
mod grant;
mod limit;
#[cfg(feature = "login")]
pub mod login;
pub mod provider;
mod wire;
pub mod workload;

#[cfg(feature = "assertion")]
pub use self::auth::key::{Algorithm, AssertionError, AssertionKey};
pub use self::{
    address::EndpointError,
    auth::client::ClientAuth,
    endpoint::TokenEndpoint,
    grant::{IssuedAssertions, OAuthGrant},
    wire::{TokenClient, Unsent},
};

/// Any error, as tower boxes it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
