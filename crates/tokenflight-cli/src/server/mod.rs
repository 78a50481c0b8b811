//! The authorization server of a profile.

mod auth;
mod metadata;
mod silent;

use tokenflight::Grant;
use tokenflight_core::grant::issuer;
use tokenflight_oauth2::{
    EndpointError, TokenClient, TokenEndpoint,
    client::{self, HttpsClient},
    provider::{self, Provider},
};

use self::silent::Silent;
pub(crate) use self::{auth::keep_secret, metadata::forget};
use crate::{
    config::{Profile, Settings},
    problem::Problem,
};

/// Where a profile's tokens come from.
enum Whence<'a> {
    /// A row of the table, and what its addresses are filled in with.
    Row(&'static Provider, &'a str),
    /// A server that tells about itself.
    Issuer(&'a str),
    /// A token endpoint of which nothing else is known.
    Endpoint(&'a str),
}

/// The row of the table that the profile names.
pub(crate) fn row(settings: &Settings) -> Result<Option<&'static Provider>, Problem> {
    let find = |name: &String| {
        provider::find(name).ok_or_else(|| {
            Problem::usage(format!("there is no provider `{}` in the table", name.escape_debug()))
                .cure("name its issuer instead, or its token_endpoint")
        })
    };
    settings.provider.as_ref().map(find).transpose()
}

fn whence(settings: &Settings) -> Result<Whence<'_>, Problem> {
    let row = row(settings)?;
    match (&settings.issuer, &settings.token_endpoint, row) {
        (_, Some(endpoint), _) => Ok(Whence::Endpoint(endpoint)),
        (Some(issuer), None, _) => Ok(Whence::Issuer(issuer)),
        (None, None, Some(row)) => Ok(Whence::Row(row, settings.tenant.as_deref().unwrap_or_default())),
        (None, None, None) => {
            Err(Problem::usage("the profile names no server: it needs an issuer, a provider or a token_endpoint"))
        }
    }
}

fn preset(row: &'static Provider, place: &str, client: impl TokenClient) -> Result<TokenEndpoint, Problem> {
    TokenEndpoint::preset(row, place, client).map_err(|error| match error {
        EndpointError::Unlisted if place.is_empty() => {
            Problem::usage(format!("the provider {} needs a tenant, or the address of its server", row.name))
        }
        error => Problem::usage(format!("the provider {}: {error}", row.name)),
    })
}

fn wrong(name: &str) -> impl Fn(EndpointError) -> Problem + '_ {
    move |error| Problem::usage(format!("{name}: {error}"))
}

/// Whose tokens the profile wants, found without asking: those of another server are not served.
pub(crate) fn issued_by(settings: &Settings) -> Result<String, Problem> {
    Ok(match whence(settings)? {
        Whence::Issuer(issuer) => issuer.to_owned(),
        Whence::Endpoint(url) => match &settings.issuer {
            Some(issuer) => issuer.clone(),
            None => issuer::origin(url).ok_or_else(|| Problem::usage("token_endpoint: this is no address"))?,
        },
        Whence::Row(row, place) => {
            let grant = preset(row, place, Silent)?.refresh_token();
            grant.issuer().unwrap_or_default().to_owned()
        }
    })
}

/// The profile's token endpoint, with its client. A server that tells about itself is asked once.
pub(crate) async fn endpoint(profile: &Profile) -> Result<TokenEndpoint, Problem> {
    endpoint_over(profile, |client| client).await
}

/// The same, with something around the client that carries token requests.
pub(crate) async fn endpoint_over<C: TokenClient>(
    profile: &Profile,
    around: impl FnOnce(HttpsClient) -> C,
) -> Result<TokenEndpoint, Problem> {
    let settings = &profile.settings;
    let plain = client::https()
        .map_err(|error| Problem::refused(format!("the system's certificates cannot be read: {error}")))?;
    let client = around(plain.clone());
    let mut methods = Vec::new();
    let mut endpoint = match whence(settings)? {
        Whence::Row(row, place) => preset(row, place, client)?,
        Whence::Issuer(issuer) => {
            let metadata = metadata::of(profile, issuer, plain).await?;
            methods = metadata.auth_methods().to_vec();
            TokenEndpoint::discovered(&metadata, client).map_err(wrong("issuer"))?
        }
        Whence::Endpoint(url) => TokenEndpoint::new(url, client).map_err(wrong("token_endpoint"))?,
    };
    let row = row(settings)?;
    if let Some(row) = row {
        endpoint = endpoint.provider(row);
    }
    if let (Some(issuer), Some(_)) = (&settings.issuer, &settings.token_endpoint) {
        endpoint = endpoint.issuer(issuer);
    }
    if let Some(url) = &settings.revocation_endpoint {
        endpoint = endpoint.revocation(url).map_err(wrong("revocation_endpoint"))?;
    }
    for resource in &settings.resources {
        endpoint = endpoint.resource(resource);
    }
    if let Some(audience) = &settings.audience {
        endpoint = endpoint.audience(audience);
    }
    Ok(endpoint.client(auth::of(settings, row, &methods)?))
}
