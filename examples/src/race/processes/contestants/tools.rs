//! What the hand-written contestants share: a file of tokens, a lock file beside it, and a refresh.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process,
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokenflight::{BoxError, Time, TokenSet, time::TokioTime};

use super::NoToken;
use crate::race::wire::{RefreshError, TokenAnswer, Wire};

/// How long before expiry they renew: a twelfth of the lifetime, which is five minutes of an hour,
/// the usual choice.
const LEAD: u32 = 12;

/// What is in the file.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Stored {
    pub(super) access: String,
    pub(super) refresh: String,
    /// When to renew, by the wall clock.
    due: Duration,
}

/// A contestant's files and its connections to the servers.
pub(super) struct Tools {
    file: PathBuf,
    /// The lock file, for contestants that have one.
    pub(super) lock: PathBuf,
    wire: Wire,
    time: TokioTime,
}

impl Tools {
    /// In this folder.
    pub(super) fn new(folder: &Path, wire: Wire) -> Self {
        let (file, lock) = (folder.join("tokens.json"), folder.join("tokens.lock"));
        Self { file, lock, wire, time: TokioTime::new() }
    }

    /// What is stored. Without a file that can be read there was no login.
    pub(super) fn load(&self) -> Result<Stored, NoToken> {
        let stored = fs::read(&self.file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        stored.ok_or(NoToken::Login)
    }

    /// Replaces the file as a whole.
    pub(super) fn save(&self, stored: &Stored) -> Result<(), NoToken> {
        let draft = self.file.with_extension(format!("{}.tmp", process::id()));
        let written = serde_json::to_vec(stored).map_err(io::Error::from).and_then(|bytes| fs::write(&draft, bytes));
        written.and_then(|()| fs::rename(&draft, &self.file)).map_err(|error| NoToken::Failed(error.into()))
    }

    /// Forgets the tokens: the session is over.
    pub(super) fn forget(&self) -> NoToken {
        let _ = fs::remove_file(&self.file);
        NoToken::Login
    }

    /// Whether the stored access token can be used.
    pub(super) fn is_fresh(&self, stored: &Stored, refused: Option<&str>) -> bool {
        self.now() < stored.due && refused != Some(&stored.access)
    }

    /// Presents the stored refresh token. What comes is not stored yet.
    ///
    /// The error is `None` when the server said `invalid_grant`.
    pub(super) async fn refresh(&self, stored: &Stored) -> Result<Stored, Option<BoxError>> {
        match self.wire.refresh(&stored.refresh).await {
            Ok(TokenAnswer { access_token, refresh_token, expires_in }) => {
                let lifetime = Duration::try_from_secs_f64(expires_in).unwrap_or_default();
                let refresh = refresh_token.unwrap_or_else(|| stored.refresh.clone());
                Ok(Stored { access: access_token, refresh, due: self.due(lifetime) })
            }
            Err(RefreshError::Ended) => Err(None),
            Err(RefreshError::NotSent(error) | RefreshError::Unknown(error)) => Err(Some(error)),
        }
    }

    /// What every contestant does alone or under its lock: look again, refresh, store.
    pub(super) async fn renew(&self, refused: Option<&str>) -> Result<String, NoToken> {
        let stored = self.load()?;
        if self.is_fresh(&stored, refused) {
            return Ok(stored.access);
        }
        match self.refresh(&stored).await {
            Ok(next) => self.save(&next).map(|()| next.access),
            Err(None) => Err(self.forget()),
            Err(Some(error)) => Err(NoToken::Failed(error)),
        }
    }

    /// The tokens of a login, as they are stored.
    pub(super) fn of(&self, login: &TokenSet) -> Stored {
        Stored {
            access: login.access().expose().to_owned(),
            refresh: login.refresh().map_or_else(String::new, |token| token.expose().to_owned()),
            due: self.due(login.lifetime().unwrap_or_default()),
        }
    }

    /// Stores the tokens of a login.
    pub(super) fn save_login(&self, login: &TokenSet) -> Result<(), BoxError> {
        match self.save(&self.of(login)) {
            Err(NoToken::Failed(error)) => Err(error),
            _ => Ok(()),
        }
    }

    /// Opens the lock file, to be locked by the kernel.
    pub(super) fn open_lock(&self) -> io::Result<File> {
        File::options().write(true).create(true).truncate(false).open(&self.lock)
    }

    /// The wall clock.
    pub(super) fn now(&self) -> Duration {
        self.time.now().wall
    }

    /// Waits.
    pub(super) async fn sleep(&self, duration: Duration) {
        self.time.sleep(duration).await;
    }

    fn due(&self, lifetime: Duration) -> Duration {
        self.now() + lifetime - lifetime / LEAD
    }
}
