//! A login that was made elsewhere, in a file.

use std::{path::Path, time::Duration};

use serde::Deserialize;
use tokenflight::TokenSet;

use crate::{private, problem::Problem};

/// As a token endpoint answers (RFC 6749 §5.1).
#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    refresh_token: Option<String>,
    scope: Option<String>,
}

/// Reads it. An error shows nothing of its content.
pub(super) fn read(file: &Path) -> Result<TokenSet, Problem> {
    let bytes = private::read(file).map_err(|error| Problem::io("reading the login", &error))?;
    let named = |why: &str| Problem::usage(format!("{}: {why}", file.display()));
    let bytes = bytes.ok_or_else(|| named("there is no such file"))?;
    let answer = serde_json::from_slice::<Answer>(&bytes);
    let answer = answer.map_err(|_| named("no answer of a token endpoint: a JSON object with a refresh_token"))?;
    let refresh = answer.refresh_token.filter(|token| !token.is_empty());
    let refresh = refresh.ok_or_else(|| named("there is no refresh_token in it, so it would end with its token"))?;
    // When it was issued is not known: the access token is replaced before it is used.
    let tokens = match answer.access_token {
        Some(access) => TokenSet::new(access).refresh_token(refresh).expires_in(Duration::ZERO),
        None => TokenSet::from_refresh_token(refresh),
    };
    Ok(match answer.scope {
        Some(scope) => tokens.scope(scope),
        None => tokens,
    })
}
