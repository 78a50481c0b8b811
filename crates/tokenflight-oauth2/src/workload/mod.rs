//! Identities of workloads at clouds: what a platform writes into the environment or into a file
//! becomes an endpoint or a grant. No secret is configured, and none is kept.
//!
//! A pod on Azure (AKS) with workload identity, and a program anywhere that impersonates a service
//! account of Google Cloud:
//!
//! ```
//! use std::sync::Arc;
//! use tokenflight_core::{Grant, Time};
//! use tokenflight_oauth2::{BoxError, OAuthGrant, TokenClient, workload::{azure, gcp}};
//!
//! fn azure(client: impl TokenClient, time: Arc<dyn Time>) -> Result<OAuthGrant, BoxError> {
//!     let endpoint = azure::workload_from_env(client, time)?;
//!     Ok(endpoint.client_credentials().scope("https://graph.microsoft.com/.default"))
//! }
//!
//! fn google(json: &str, client: impl TokenClient, time: Arc<dyn Time>) -> Result<Arc<dyn Grant>, BoxError> {
//!     Ok(gcp::ExternalAccount::from_json(json)?.grant(client, time)?)
//! }
//! ```
//!
//! The sources that they are made of ([`TokenFile`](crate::auth::TokenFile),
//! [`UrlSource`](crate::auth::UrlSource), [`EnvVar`](crate::auth::EnvVar)) serve any other
//! platform: GitHub Actions, GitLab, Kubernetes, SPIFFE.

pub mod azure;
pub mod gcp;
