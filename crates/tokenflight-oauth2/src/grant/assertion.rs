//! What is special about grants that present an assertion: its refusal ends nothing, and it may issue other tokens than
//! access tokens.

use std::sync::{Mutex, PoisonError};

use serde::Deserialize;
use tokenflight_core::{GrantError, Secret, TokenSet};

/// The assertion that the server has refused. The same one again would be refused again.
#[derive(Default)]
pub(super) struct Refused(Mutex<Option<Secret>>);

impl Refused {
    pub(super) fn remember(&self, assertion: Option<Secret>) {
        let old = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), assertion);
        drop(old);
    }

    pub(super) fn any(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// One attempt for each assertion.
    pub(super) fn check(&self, assertion: &Secret) -> Result<(), GrantError> {
        if self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref() != Some(assertion) {
            return Ok(());
        }
        Err(GrantError::config("the server has refused this assertion, and its source has made no other since"))
    }
}

/// Where token types are registered (RFC 8693 §3). A server's own names are taken to be its access tokens.
const REGISTERED: &str = "urn:ietf:params:oauth:token-type:";

/// A token exchange may issue anything (RFC 8693 §2.2.1), and only an access token goes to an API. A server that does not say
/// what it issued has issued what was asked for.
pub(super) fn check_issued(set: TokenSet, requested: Option<&str>) -> Result<TokenSet, GrantError> {
    #[derive(Deserialize)]
    struct Issued {
        issued_token_type: String,
    }
    let issued = set.extra_members().and_then(|members| serde_json::from_str::<Issued>(members).ok());
    let Some(Issued { issued_token_type: issued }) = issued else { return Ok(set) };
    let registered = issued.strip_prefix(REGISTERED);
    if registered.is_none_or(|kind| kind == "access_token" || kind == "jwt") || Some(&*issued) == requested {
        return Ok(set);
    }
    let issued: String = issued.chars().filter(|char| !char.is_control()).take(128).collect();
    let error = GrantError::config(format!("the exchange has issued a {issued}, which is no access token"));
    Err(match set.refresh() {
        Some(token) => error.rotated(token.clone()),
        None => error,
    })
}
