// Learn here: the kernel frees its locks when a process dies, so nothing has to be stolen. But a
// program that would rather refresh without the lock than wait for it has none in the only case
// that matters: when the process before it is slow. Under load all of them are.

use std::{
    fs::{File, TryLockError},
    time::Duration,
};

use tokenflight::{BoxError, BoxFuture, TokenSet};

use super::{NoToken, Program, Tools};

/// How long the lock is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(25);

/// A kernel lock around everything, for those who get it in time.
pub(super) struct FlockGivesUp(pub(super) Tools);

impl FlockGivesUp {
    /// The lock, or an open file without one.
    async fn lock(&self) -> Result<File, BoxError> {
        let file = self.0.open_lock()?;
        let began = self.0.now();
        loop {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) if self.0.now().saturating_sub(began) < PATIENCE => {
                    self.0.sleep(PAUSE).await;
                }
                Ok(()) | Err(TryLockError::WouldBlock) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(error.into()),
            }
        }
    }
}

impl Program for FlockGivesUp {
    fn token<'a>(&'a self, refused: Option<&'a str>) -> BoxFuture<'a, Result<String, NoToken>> {
        Box::pin(async move {
            let stored = self.0.load()?;
            if self.0.is_fresh(&stored, refused) {
                return Ok(stored.access);
            }
            let _lock = self.lock().await.map_err(NoToken::Failed)?;
            self.0.renew(refused).await
        })
    }

    fn login(&self, tokens: TokenSet) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            let _lock = self.lock().await?;
            self.0.save_login(&tokens)
        })
    }
}
