//! What is special about grants that present an assertion: its refusal ends nothing, and it may
//! issue other tokens than access tokens.

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

/// Where token types are registered (RFC 8693 §3). A server's own names count as its access tokens.
const REGISTERED: &str = "urn:ietf:params:oauth:token-type:";

/// A token exchange may issue anything (RFC 8693 §2.2.1), and only an access token goes to an API.
/// A server that does not say what it issued has issued what was asked for.
pub(super) fn for_an_api(set: TokenSet, requested: Option<&str>) -> Result<TokenSet, GrantError> {
    check(set, |issued| is_access(issued) || Some(issued) == requested, "which is no access token")
}

/// What is presented to another server may be anything but a refresh token, and of any `token_type`
/// (`N_A`, §2.2.1); but it is what was asked for, if that was said.
pub(super) fn for_another_server(set: TokenSet, requested: Option<&str>) -> Result<TokenSet, GrantError> {
    let good = |issued: &str| match requested {
        Some(requested) => issued == requested || (is_access(issued) && is_access(requested)),
        None => issued.strip_prefix(REGISTERED) != Some("refresh_token"),
    };
    check(set, good, "which was not asked for")
}

fn is_access(issued: &str) -> bool {
    issued.strip_prefix(REGISTERED).is_none_or(|kind| kind == "access_token" || kind == "jwt")
}

fn check(set: TokenSet, good: impl Fn(&str) -> bool, why: &str) -> Result<TokenSet, GrantError> {
    #[derive(Deserialize)]
    struct Issued {
        issued_token_type: String,
    }
    let issued = set.extra_members().and_then(|members| serde_json::from_str::<Issued>(members).ok());
    let Some(Issued { issued_token_type: issued }) = issued.filter(|issued| !good(&issued.issued_token_type)) else {
        return Ok(set);
    };
    let issued: String = issued.chars().filter(|char| !char.is_control()).take(128).collect();
    let error = GrantError::config(format!("the exchange has issued a {issued}, {why}"));
    Err(match set.refresh() {
        Some(token) => error.rotated(token.clone()),
        None => error,
    })
}
