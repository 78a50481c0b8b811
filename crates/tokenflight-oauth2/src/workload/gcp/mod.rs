//! Google Cloud's workload identity federation: the configuration file of an external account
//! (AIP-4117) as a grant.
//!
//! ```
//! use std::sync::Arc;
//! use tokenflight_core::Grant;
//! use tokenflight_oauth2::{BoxError, TokenClient, workload::gcp::ExternalAccount};
//!
//! fn grant(json: &str, client: impl TokenClient, time: Arc<dyn tokenflight_core::Time>) -> Result<Arc<dyn Grant>, BoxError> {
//!     let account = ExternalAccount::from_json(json)?.scope("https://www.googleapis.com/auth/devstorage.read_only");
//!     Ok(account.grant(client, time)?)
//! }
//! # let _ = |json, client: tokenflight_oauth2::client::HttpsClient, time| grant(json, client, time);
//! ```
//!
//! The file says where secrets go and what runs, often comes from elsewhere, and is not believed:
//!
//! * tokens go to `sts.` and `iamcredentials.` of the universe only, unless
//!   [`ExternalAccount::trust_urls`] is called;
//! * another universe than `googleapis.com` must be named by the program;
//! * a command is run only if the program says how *and* the environment allows it
//!   ([`ExternalAccount::allow_executables`]).
//!
//! Nothing of a file that fails one of these is acted on. Sources of AWS and of X.509 certificates
//! are not supported, and are told as [`ExternalAccountError::Unsupported`].

mod account;
mod config;
mod error;
mod executable;
mod impersonated;
mod rfc3339;
mod trust;

pub use self::{
    account::ExternalAccount, error::ExternalAccountError, executable::CommandLine, impersonated::Impersonated,
};
