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
//! # Features
//!
//! * `client` (default): `client::https`, a ready client that sends each request once, follows no
//!   redirects and gives up on connections in time.
//! * `login`: logging in from a command line or a web server, by a device code or an authorization
//!   code with PKCE; the module `login`.
//! * `assertion`: client authentication by signed assertions (`private_key_jwt` and
//!   `client_secret_jwt`); `AssertionKey`.
//! * `http2`: believes an HTTP/2 client that says that the server did not process a request.

mod address;
pub mod answer;
pub mod auth;
mod boxed;
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
    boxed::BoxError,
    endpoint::TokenEndpoint,
    grant::{IssuedAssertions, OAuthGrant},
    wire::{TokenClient, Unsent},
};
