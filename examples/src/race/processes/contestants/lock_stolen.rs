// Learn here: a file that exists is a lock that outlives its owner, so there must be a rule for old
// ones; and no age proves a death. A process that is stopped, or on a machine that sleeps, wakes up
// as the second presenter. When it gives the lock back it deletes the thief's.

use std::{
    fs::{self, File},
    io::ErrorKind,
    path::Path,
    time::{Duration, SystemTime},
};

use tokenflight::{BoxError, BoxFuture, TokenSet};

use super::{NoToken, Program, Tools};

/// From this age on a lock file counts as left behind.
const STALE: Duration = Duration::from_secs(2);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// A lock by existence, taken away from a process that has had it for too long.
pub(super) struct LockStolen(pub(super) Tools);

/// The lock file, deleted in the end.
struct Held<'a>(&'a Path);

impl LockStolen {
    async fn lock(&self) -> Result<Held<'_>, NoToken> {
        let path = &self.0.lock;
        loop {
            match File::create_new(path) {
                Ok(_) => return Ok(Held(path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(NoToken::Failed(error.into())),
            }
            let made = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
            let made = made.and_then(|made| made.duration_since(SystemTime::UNIX_EPOCH).ok());
            if made.is_some_and(|made| self.0.now().saturating_sub(made) > STALE) {
                let _ = fs::remove_file(path);
            } else {
                self.0.sleep(PAUSE).await;
            }
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0);
    }
}

impl Program for LockStolen {
    fn token<'a>(&'a self, refused: Option<&'a str>) -> BoxFuture<'a, Result<String, NoToken>> {
        Box::pin(async move {
            let stored = self.0.load()?;
            if self.0.is_fresh(&stored, refused) {
                return Ok(stored.access);
            }
            let _lock = self.lock().await?;
            self.0.renew(refused).await
        })
    }

    /// Without the lock, which guards refreshes.
    fn login(&self, tokens: TokenSet) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move { self.0.save_login(&tokens) })
    }
}
