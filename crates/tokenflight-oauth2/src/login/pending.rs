use std::io;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokenflight_core::grant::issuer;
use zeroize::Zeroizing;

use super::{Callback, LoginError};
use crate::TokenEndpoint;

/// What a code login must remember between its beginning and its end.
#[derive(Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) redirect_uri: String,
    /// Parameters that the code exchange repeats.
    pub(super) asked: Vec<(String, String)>,
    pub(super) state: Zeroizing<String>,
    pub(super) verifier: Zeroizing<String>,
    /// Where the user says yes.
    authorization: String,
    /// Whose login it is.
    issuer: String,
    client: Option<String>,
}

impl Pending {
    pub(super) fn new(endpoint: &TokenEndpoint, authorization: &str, redirect_uri: String) -> Result<Self, LoginError> {
        Ok(Self {
            redirect_uri,
            asked: Vec::new(),
            state: random()?,
            verifier: random()?,
            authorization: authorization.to_owned(),
            issuer: endpoint.issued_by().to_owned(),
            client: endpoint.client_id().map(str::to_owned),
        })
    }

    /// Whether this endpoint and client began the login.
    pub(super) fn is_of(&self, endpoint: &TokenEndpoint) -> bool {
        issuer::same(&self.issuer, endpoint.issued_by()) && self.client.as_deref() == endpoint.client_id()
    }

    /// RFC 7636 §4.2.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()))
    }

    /// The code in an answer, if it is the answer to this login and of this server.
    pub(super) fn code<'a>(&self, endpoint: &TokenEndpoint, callback: &'a Callback) -> Result<&'a str, LoginError> {
        callback.unambiguous()?;
        match (callback.get("state"), callback.denial()) {
            // Servers forget the state of a refusal. It ends this login, and nothing is exchanged.
            (None, Some(denial)) => return Err(LoginError::Denied(denial)),
            (Some(state), _) if state == self.state.as_str() => {}
            _ => return Err(LoginError::malformed("the answer belongs to another login")),
        }
        self.check_issuer(endpoint, callback.get("iss"))?;
        match callback.denial() {
            Some(denial) => Err(LoginError::Denied(denial)),
            None => callback.get("code").ok_or_else(|| LoginError::malformed("the answer has no code")),
        }
    }

    /// A code of another server must not be sent to this one (RFC 9207).
    fn check_issuer(&self, endpoint: &TokenEndpoint, told: Option<&str>) -> Result<(), LoginError> {
        let Some(told) = told else {
            let missing = "the answer names no issuer, although the server's metadata promise one (RFC 9207)";
            return if endpoint.names_issuer() { Err(LoginError::malformed(missing)) } else { Ok(()) };
        };
        let right = match endpoint.known_issuer() {
            Some(known) => issuer::same(told, known),
            // The server's own name is not known, but its machines are.
            None => issuer::origin(told).is_some_and(|origin| {
                origin == endpoint.origin() || Some(&origin) == issuer::origin(&self.authorization).as_ref()
            }),
        };
        let told: String = told.chars().filter(|char| !char.is_control()).take(256).collect();
        if right {
            return Ok(());
        }
        Err(LoginError::malformed(format!(
            "the answer comes from the issuer {told}, not from {}",
            endpoint.issued_by()
        )))
    }
}

/// 256 bits of the operating system, as RFC 7636 §4.1 asks for.
fn random() -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(io::Error::other)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}
