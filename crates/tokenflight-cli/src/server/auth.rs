//! How the client says who it is. Secrets come from a file, never from command line or environment.

use std::{path::PathBuf, str, sync::Arc};

use tokenflight::time::TokioTime;
use tokenflight_oauth2::{
    ClientAuth,
    auth::TokenFile,
    provider::{AuthMethod, Provider},
};
use zeroize::Zeroizing;

use crate::{
    config::{ClientAuthStyle, Profile, Settings},
    private,
    problem::Problem,
};

/// By what the profile, the table and the server say, in this order.
pub(super) fn of(
    settings: &Settings,
    row: Option<&'static Provider>,
    methods: &[String],
) -> Result<ClientAuth, Problem> {
    let Some(id) = settings.client_id.clone() else {
        return Err(Problem::usage("the profile names no client: it needs a client_id"));
    };
    if let Some(file) = &settings.client_assertion_file {
        return Ok(ClientAuth::federated(id, TokenFile::new(file, Arc::new(TokioTime::new()))));
    }
    let Some(file) = &settings.client_secret_file else { return Ok(ClientAuth::public(id)) };
    let named = |why: String| Problem::refused(format!("the client's secret in {}: {why}", file.display()));
    let bytes = private::read(file).map_err(|error| named(error.to_string()))?;
    let bytes = bytes.ok_or_else(|| named("there is no such file".to_owned()))?;
    let secret = str::from_utf8(&bytes).map_err(|_| named("it is no text".to_owned()))?.trim();
    if secret.is_empty() {
        return Err(named("it is empty".to_owned()));
    }
    Ok(match settings.client_auth.unwrap_or_else(|| usual(row, methods)) {
        ClientAuthStyle::Basic => ClientAuth::basic(id, secret),
        ClientAuthStyle::Post => ClientAuth::post(id, secret),
    })
}

/// RFC 6749 §2.3.1 wants Basic of every server.
fn usual(row: Option<&'static Provider>, methods: &[String]) -> ClientAuthStyle {
    let listed = row.into_iter().flat_map(|row| row.auth).find_map(|method| match method {
        AuthMethod::Basic => Some(ClientAuthStyle::Basic),
        AuthMethod::Post => Some(ClientAuthStyle::Post),
        _ => None,
    });
    let told = |name: &str| methods.iter().any(|method| method == name);
    let post_only = told("client_secret_post") && !told("client_secret_basic");
    listed.unwrap_or(if post_only { ClientAuthStyle::Post } else { ClientAuthStyle::Basic })
}

/// Keeps a secret beside the login, readable by its owner only.
pub(crate) fn keep_secret(profile: &Profile, secret: &Zeroizing<String>) -> Result<PathBuf, Problem> {
    let file = profile.file("secret");
    let kept = private::make_folder(profile.folder()).and_then(|()| private::write(&file, secret.trim().as_bytes()));
    kept.map_err(|error| Problem::io("keeping the client's secret", &error))?;
    Ok(file)
}
