//! What a server tells about itself: asked at a login and kept, so a refresh needs one answer less.

use serde_json::json;
use tokenflight_oauth2::{
    TokenClient,
    discovery::{DiscoveryError, Kind, Metadata, discover},
};

use crate::{
    config::Profile,
    private,
    problem::{Problem, chain},
};

const KIND: &str = "server";

/// As it was kept, else as the server tells it now.
pub(super) async fn of(profile: &Profile, issuer: &str, client: impl TokenClient) -> Result<Metadata, Problem> {
    let kept = private::read(&profile.file(KIND)).ok().flatten();
    if let Some(metadata) = kept.and_then(|bytes| Metadata::parse(issuer, &bytes).ok()) {
        return Ok(metadata);
    }
    let metadata = ask(issuer, client).await.map_err(|error| {
        let why = format!("{issuer} does not tell its endpoints: {}", chain(&error));
        match error {
            DiscoveryError::Unreachable(_) | DiscoveryError::TimedOut => Problem::later(why),
            _ => Problem::refused(why).cure("is the issuer right? Else name its token_endpoint"),
        }
    })?;
    // Without it the next refresh asks again.
    let _ =
        private::make_folder(profile.folder()).and_then(|()| private::write(&profile.file(KIND), &document(&metadata)));
    Ok(metadata)
}

/// Forgets what was kept: a login asks anew.
pub(crate) fn forget(profile: &Profile) {
    let _ = std::fs::remove_file(profile.file(KIND));
}

async fn ask(issuer: &str, client: impl TokenClient) -> Result<Metadata, DiscoveryError> {
    match discover(issuer, Kind::OpenId, client.clone()).await {
        Err(DiscoveryError::Status(_) | DiscoveryError::Malformed(_)) => discover(issuer, Kind::OAuth, client).await,
        found => found,
    }
}

fn document(metadata: &Metadata) -> Vec<u8> {
    let document = json!({
        "issuer": metadata.issuer(),
        "token_endpoint": metadata.token_endpoint(),
        "authorization_endpoint": metadata.authorization_endpoint(),
        "device_authorization_endpoint": metadata.device_authorization_endpoint(),
        "revocation_endpoint": metadata.revocation_endpoint(),
        "token_endpoint_auth_methods_supported": metadata.auth_methods(),
        "authorization_response_iss_parameter_supported": metadata.names_issuer(),
    });
    document.to_string().into_bytes()
}
