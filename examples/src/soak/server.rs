use std::sync::Arc;

use http::StatusCode;
use tokenflight::{BoxError, Grant};
use tokenflight_oauth2::{
    TokenEndpoint, client,
    discovery::{self, DiscoveryError, Kind, Metadata},
};

use super::{
    books::{Books, Watched},
    settings::{Place, Settings},
    wire::Wire,
};

/// The way to the token endpoint.
pub(super) async fn grant(settings: &Settings, books: &Books) -> Result<Arc<dyn Grant>, BoxError> {
    let wire = Wire::new(client::https()?, books.clone());
    let endpoint = match &settings.server {
        Place::TokenEndpoint(url) => {
            TokenEndpoint::new(url, wire).map_err(|error| format!("--token-endpoint: {error}"))?
        }
        Place::Issuer(issuer) => TokenEndpoint::discovered(&metadata(issuer).await?, wire)?,
    };
    let grant = endpoint.provider(settings.provider).client(settings.client.clone()).refresh_token();
    let grant = match &settings.scope {
        Some(scope) => grant.scope(scope),
        None => grant,
    };
    Ok(Arc::new(Watched::new(grant, books.clone())))
}

/// As OpenID Connect has it, or else as OAuth has it.
async fn metadata(issuer: &str) -> Result<Metadata, BoxError> {
    let client = client::https()?;
    let found = match discovery::discover(issuer, Kind::OpenId, client.clone()).await {
        Err(DiscoveryError::Status(StatusCode::NOT_FOUND)) => discovery::discover(issuer, Kind::OAuth, client).await,
        found => found,
    };
    found.map_err(|error| format!("--issuer: {error}").into())
}
