//! How a client says who it is: fixed credentials, signed assertions, or assertions that the
//! platform hands out.
//!
//! A Kubernetes pod with a projected token, and no secret at all:
//!
//! ```
//! use std::sync::Arc;
//! use tokenflight_oauth2::{ClientAuth, auth::TokenFile};
//!
//! # fn example(time: Arc<dyn tokenflight_core::Time>) {
//! let file = TokenFile::new("/var/run/secrets/tokens/as-token", time);
//! let auth = ClientAuth::federated("client-id", file);
//! # let _ = auth;
//! # }
//! ```

mod assertions;
mod authenticate;
pub(crate) mod client;
#[cfg(feature = "assertion")]
pub(crate) mod key;
#[cfg(feature = "assertion")]
mod signer;
mod sources;
mod wanted;

pub(crate) use self::assertions::Source;
#[cfg(feature = "assertion")]
pub(crate) use self::key::AssertionKey;
#[cfg(feature = "assertion")]
pub use self::signer::Signer;
pub use self::{
    assertions::{Assertion, Assertions, SourceError},
    authenticate::{Authenticate, TokenParts},
    sources::{EnvVar, TokenFile, UrlSource},
    wanted::Wanted,
};
