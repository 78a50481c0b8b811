//! Microsoft Entra workload identity: a pod's client, known by a federated token, not a secret.
//!
//! The webhook of AKS sets four variables and mounts a file that the platform renews. The file is
//! read for each attempt, because a token that is read once dies with its first hour.
//!
//! ```
//! use std::sync::Arc;
//! use tokenflight_oauth2::{BoxError, OAuthGrant, TokenClient, workload::azure};
//!
//! fn grant(client: impl TokenClient, time: Arc<dyn tokenflight_core::Time>) -> Result<OAuthGrant, BoxError> {
//!     let endpoint = azure::workload_from_env(client, time)?;
//!     Ok(endpoint.client_credentials().scope("https://management.azure.com/.default"))
//! }
//! # let _ = |client: tokenflight_oauth2::client::HttpsClient, time| grant(client, time);
//! ```
//!
//! The platform makes the token for the audience `api://AzureADTokenExchange`. Entra calls a stale
//! one AADSTS700024, a matter of setup that ends nothing: the next attempt reads the file again.

use std::{fmt, sync::Arc};

use tokenflight_core::Time;

use crate::{ClientAuth, EndpointError, TokenClient, TokenEndpoint, auth::TokenFile, provider};

/// The public cloud.
const PUBLIC: &str = "https://login.microsoftonline.com";

/// The endpoint of the workload that the environment describes: `AZURE_CLIENT_ID`,
/// `AZURE_TENANT_ID`, `AZURE_FEDERATED_TOKEN_FILE`, and `AZURE_AUTHORITY_HOST` if it is another
/// cloud than the public one.
///
/// # Errors
///
/// [`WorkloadError`] names what is missing or wrong.
pub fn workload_from_env(client: impl TokenClient, time: Arc<dyn Time>) -> Result<TokenEndpoint, WorkloadError> {
    workload(|name| std::env::var(name).ok(), client, time)
}

/// As [`workload_from_env`], with variables from elsewhere: a process may serve several workloads.
///
/// # Errors
///
/// [`WorkloadError`] names what is missing or wrong.
pub fn workload(
    variable: impl Fn(&str) -> Option<String>,
    client: impl TokenClient,
    time: Arc<dyn Time>,
) -> Result<TokenEndpoint, WorkloadError> {
    let given = |name| variable(name).filter(|value| !value.trim().is_empty());
    let needed = |name: &'static str| given(name).ok_or(WorkloadError::Missing(name));
    let (id, tenant, file) =
        (needed("AZURE_CLIENT_ID")?, needed("AZURE_TENANT_ID")?, needed("AZURE_FEDERATED_TOKEN_FILE")?);
    if !tenant.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.')) {
        return Err(WorkloadError::Tenant);
    }
    let authority = given("AZURE_AUTHORITY_HOST").unwrap_or_else(|| PUBLIC.to_owned());
    let place = format!("{}/{tenant}", authority.trim_end_matches('/'));
    let endpoint = TokenEndpoint::preset(provider::ENTRA_ID, &place, client).map_err(WorkloadError::Authority)?;
    let file = TokenFile::new(file, Arc::clone(&time));
    Ok(endpoint.client(ClientAuth::federated(id, file)).time(time))
}

/// Why the environment describes no workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WorkloadError {
    /// This variable is not set, or is empty.
    Missing(&'static str),
    /// `AZURE_TENANT_ID` is neither an identifier nor a domain.
    Tenant,
    /// `AZURE_AUTHORITY_HOST` is no address to send assertions to.
    Authority(EndpointError),
}

impl fmt::Display for WorkloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(
                f,
                "{name} is not set: label the pod with `azure.workload.identity/use: \"true\"`, and name its service account"
            ),
            Self::Tenant => f.write_str("AZURE_TENANT_ID is neither a tenant's identifier nor its domain"),
            Self::Authority(_) => f.write_str("AZURE_AUTHORITY_HOST is no address to send assertions to"),
        }
    }
}

impl std::error::Error for WorkloadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Authority(error) => Some(error),
            Self::Missing(_) | Self::Tenant => None,
        }
    }
}
