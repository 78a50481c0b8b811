use std::sync::Arc;

use http::StatusCode;
use tokenflight::{BoxError, Grant};
use tokenflight_oauth2::{
    TokenClient, TokenEndpoint, client,
    discovery::{self, DiscoveryError, Kind, Metadata},
};

use super::{
    Way,
    books::{Books, Watched},
    settings::{Login, Place, Settings},
    wire::Wire,
};

/// The authorization server.
pub(super) struct Server<'a> {
    pub(super) settings: &'a Settings,
    place: Found<'a>,
}

/// Where it is, if there was need to ask.
enum Found<'a> {
    TokenEndpoint(&'a str),
    Metadata(Box<Metadata>),
}

impl<'a> Server<'a> {
    /// Asks an issuer for its endpoints.
    pub(super) async fn find(settings: &'a Settings) -> Result<Self, BoxError> {
        let place = match &settings.server {
            Place::TokenEndpoint(url) => Found::TokenEndpoint(url),
            Place::Issuer(issuer) => Found::Metadata(Box::new(metadata(issuer).await?)),
        };
        Ok(Self { settings, place })
    }

    /// The token endpoint, as our client sees it.
    pub(super) fn endpoint(&self, client: impl TokenClient) -> Result<TokenEndpoint, BoxError> {
        let endpoint = match &self.place {
            Found::TokenEndpoint(url) => {
                TokenEndpoint::new(url, client).map_err(|error| format!("--token-endpoint: {error}"))?
            }
            Found::Metadata(metadata) => TokenEndpoint::discovered(metadata, client)?,
        };
        Ok(endpoint.provider(self.settings.provider).client(self.settings.client.clone()))
    }

    /// Where a login begins.
    pub(super) fn entrance<'b>(&'b self, login: &'b Login) -> Result<&'b str, String> {
        let told = match (&self.place, login.way) {
            (Found::TokenEndpoint(_), _) => None,
            (Found::Metadata(metadata), Way::Device) => metadata.device_authorization_endpoint(),
            (Found::Metadata(metadata), Way::Code) => metadata.authorization_endpoint(),
        };
        login.endpoint.as_deref().or(told).ok_or_else(|| login.missing())
    }

    /// The refreshes, which are written down.
    pub(super) fn grant(&self, books: &Books) -> Result<Arc<dyn Grant>, BoxError> {
        let grant = self.endpoint(Wire::new(client::https()?, books.clone()))?.refresh_token();
        let grant = match &self.settings.scope {
            // What was asked for at the login need not be what was granted, and more than that is refused.
            Some(scope) if self.settings.login.is_none() => grant.scope(scope),
            _ => grant,
        };
        Ok(Arc::new(Watched::new(grant, books.clone())))
    }
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
