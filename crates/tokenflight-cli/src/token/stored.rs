//! The token as it is stored.

use std::time::Duration;

use tokenflight::{AccessToken, Entry, EntryState, StoredTokens};
use tokenflight_core::grant::issuer;

use crate::{clock, config::Profile, problem::Problem, server};

/// A login that is not over, and the access token of it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    /// None if the login came with a refresh token alone.
    pub(crate) access: Option<AccessToken>,
    pub(crate) scope: Option<String>,
    pub(crate) issuer: Option<String>,
    /// Logins and logouts, then token sets.
    pub(crate) order: (u64, u64),
    /// Whether there is a refresh token, and the server has not ended the session.
    pub(crate) renewable: bool,
    lifetime: Option<Duration>,
    received: Duration,
    ended: Option<String>,
}

/// The lifetime that is enough if none was asked for: a minute, or a quarter of the whole.
const ENOUGH: Duration = Duration::from_secs(60);

impl Stored {
    /// When it expires, on the wall clock, if the server said so.
    pub(crate) fn expires(&self) -> Option<Duration> {
        self.lifetime.map(|lifetime| self.received.saturating_add(lifetime))
    }

    /// How long it still lives. Unknown lifetimes never end.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.expires().map(|end| end.saturating_sub(clock::wall()))
    }

    pub(crate) fn left_words(&self) -> String {
        self.left().map_or_else(|| "an unknown time".to_owned(), clock::words)
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.access.is_some() && self.left().is_none_or(|left| !left.is_zero())
    }

    /// Whether it lives for as long as this, or for what is enough.
    pub(crate) fn lives_for(&self, least: Option<Duration>) -> bool {
        let quarter = self.lifetime.map_or(ENOUGH, |lifetime| lifetime / 4);
        let least = least.unwrap_or_else(|| ENOUGH.min(quarter));
        self.is_alive() && self.left().is_none_or(|left| left >= least)
    }

    /// Since when it is stored, on the wall clock.
    pub(crate) const fn received(&self) -> Duration {
        self.received
    }

    pub(crate) fn why_not_renewable(&self) -> String {
        self.ended.clone().unwrap_or_else(|| "the token has expired, and there is no refresh token".to_owned())
    }

    fn new(entry: &Entry, tokens: &StoredTokens, ended: Option<String>) -> Self {
        let (epoch, rotation) = entry.order();
        Self {
            access: tokens.access.clone(),
            scope: tokens.scope.clone(),
            issuer: tokens.issuer.clone(),
            order: (epoch.get(), rotation),
            renewable: tokens.refresh.is_some() && ended.is_none(),
            lifetime: tokens.lifetime,
            received: tokens.received,
            ended,
        }
    }
}

/// What is stored, by one look at the file. `Err` says why there is no login.
pub(crate) fn look(profile: &Profile) -> Result<Stored, Problem> {
    let entry = profile.store().read(&profile.key()).map_err(|error| Problem::file(&profile.name, &error))?;
    let none = |why: &str| Err(Problem::login(&profile.name, format!("profile `{}`: {why}", profile.name)));
    let Some(entry) = entry else { return none("there was no login") };
    match &entry.state {
        EntryState::Empty => none("there was no login"),
        EntryState::LoggedOut => none("there was a logout"),
        EntryState::Active(tokens) => Ok(Stored::new(&entry, tokens, None)),
        EntryState::Ended { tokens, reason, .. } => {
            Ok(Stored::new(&entry, tokens, Some(format!("the authorization server ended the session: {reason}"))))
        }
    }
}

/// The same, unless it is the login of another server or client than the profile names now.
pub(crate) fn serviceable(profile: &Profile) -> Result<Stored, Problem> {
    let stored = look(profile)?;
    let wanted = server::issued_by(&profile.settings)?;
    match &stored.issuer {
        Some(issuer) if !issuer::compatible(issuer, &wanted) => Err(Problem::login(
            &profile.name,
            format!("the stored login is of {issuer}, and the profile names {wanted}"),
        )),
        _ => Ok(stored),
    }
}
