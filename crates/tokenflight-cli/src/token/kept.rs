//! The newest answer of a server, kept until it is stored: where the disk fails it is all that is
//! left of the login.

use std::{
    env,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Map, Value};
use tokenflight::{BoxFuture, Entry, Grant, GrantError, RefreshToken, TokenRequest, TokenSet};
use zeroize::Zeroizing;

use crate::{
    config::Profile,
    private,
    problem::{Problem, option},
};

/// A grant whose newest answer is kept.
pub(crate) struct Kept<G> {
    grant: G,
    newest: Mutex<Option<Answer>>,
}

struct Answer {
    presented: RefreshToken,
    tokens: TokenSet,
}

impl<G> Kept<G> {
    pub(crate) fn new(grant: G) -> Arc<Self> {
        Arc::new(Self { grant, newest: Mutex::default() })
    }

    /// Saves what the store did not take. To be called when the session is shut down.
    ///
    /// # Errors
    ///
    /// Where it is now, if there was something to save.
    pub(crate) fn rescue(&self, profile: &Profile) -> Result<(), Problem> {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(answer) = newest.filter(|answer| answer.is_missing(profile)) else { return Ok(()) };
        let bytes = answer.document();
        let saved = places(profile).find(|path| private::write(path, &bytes).is_ok());
        let lost = || Problem::login(&profile.name, "the new tokens could not be stored anywhere, and are lost");
        let saved = saved.ok_or_else(lost)?;
        let (path, option) = (saved.display(), option(&profile.name));
        let help = format!("see to the disk, run `tokenflight login{option} --import {path}`, and remove that file");
        Err(Problem::refused(format!("the new tokens could not be stored, and are in {path}")).help(help))
    }
}

impl Answer {
    /// Whether the record still has what was presented for this, or nothing is left of it.
    fn is_missing(&self, profile: &Profile) -> bool {
        if self.tokens.refresh().is_none_or(|next| *next == self.presented) {
            return false;
        }
        match profile.store().read(&profile.key()) {
            Ok(Some(entry)) => refresh_token(&entry) == Some(&self.presented),
            // A record that was removed is a logout.
            Ok(None) => !profile.folder().exists(),
            Err(_) => true,
        }
    }

    /// As a token endpoint answers.
    fn document(&self) -> Zeroizing<Vec<u8>> {
        let mut members = Map::new();
        members.insert("access_token".to_owned(), self.tokens.access().expose().into());
        let (refresh, scope) = (self.tokens.refresh().map(RefreshToken::expose), self.tokens.granted_scope());
        for (name, value) in [("refresh_token", refresh), ("scope", scope)] {
            if let Some(value) = value {
                members.insert(name.to_owned(), value.into());
            }
        }
        Zeroizing::new(Value::Object(members).to_string().into_bytes())
    }
}

/// The refresh token that is stored.
pub(crate) fn refresh_token(entry: &Entry) -> Option<&RefreshToken> {
    entry.tokens()?.refresh.as_ref()
}

/// Beside the login, else in memory, else among the temporary files.
fn places(profile: &Profile) -> impl Iterator<Item = PathBuf> {
    let name = format!("{}.{:016x}.rescued", profile.name, fastrand::u64(..));
    let folders = [Some(profile.folder().to_owned()), private::runtime_folder(), Some(env::temp_dir())];
    folders.into_iter().flatten().map(move |folder| folder.join(&name))
}

impl<G: Grant> Grant for Kept<G> {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async move {
            let tokens = self.grant.request(request).await?;
            if let Some(presented) = request.refresh_token().cloned() {
                let answer = Answer { presented, tokens: tokens.clone() };
                *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
            }
            Ok(tokens)
        })
    }

    fn inner(&self) -> Option<&dyn Grant> {
        Some(&self.grant)
    }
}
