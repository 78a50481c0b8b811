// Learn here: a lock around the write keeps the file whole, which the rename did already. The harm
// was done before, when two processes presented the same refresh token: what must not happen at
// once is the request, and it is outside of the lock.

use tokenflight::{BoxError, BoxFuture, TokenSet};

use super::{NoToken, Program, Tools};

/// A kernel lock around writing the file, and around nothing else.
pub(super) struct LockWrite(pub(super) Tools);

impl LockWrite {
    /// Does something with the file while no other process does. The lock ends with the open file.
    fn locked<T>(&self, work: impl FnOnce(&Tools) -> Result<T, NoToken>) -> Result<T, NoToken> {
        let lock = self.0.open_lock().and_then(|file| file.lock().map(|()| file));
        let _lock = lock.map_err(|error| NoToken::Failed(error.into()))?;
        work(&self.0)
    }
}

impl Program for LockWrite {
    fn token<'a>(&'a self, refused: Option<&'a str>) -> BoxFuture<'a, Result<String, NoToken>> {
        Box::pin(async move {
            let stored = self.0.load()?;
            if self.0.is_fresh(&stored, refused) {
                return Ok(stored.access);
            }
            match self.0.refresh(&stored).await {
                Ok(next) => self.locked(|tools| tools.save(&next)).map(|()| next.access),
                Err(None) => self.locked(|tools| Err(tools.forget())),
                Err(Some(error)) => Err(NoToken::Failed(error)),
            }
        })
    }

    fn login(&self, tokens: TokenSet) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            match self.locked(|tools| tools.save(&tools.of(&tokens))) {
                Err(NoToken::Failed(error)) => Err(error),
                _ => Ok(()),
            }
        })
    }
}
