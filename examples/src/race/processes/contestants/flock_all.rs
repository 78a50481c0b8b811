// Learn here: this is nearly right. One process at a time looks, refreshes and stores, and the
// kernel never gives the lock of a living process away. What it lacks is memory: when the process
// that presented is killed, or its answer is lost, the next one finds the old token in the file and
// presents it again at once. And a login waits for as long as the server takes.

use std::fs::File;

use tokenflight::{BoxError, BoxFuture, TokenSet};

use super::{NoToken, Program, Tools};

/// A kernel lock around everything.
pub(super) struct FlockAll(pub(super) Tools);

impl FlockAll {
    /// Waits within the kernel, as this process has nothing else to do.
    fn lock(&self) -> Result<File, BoxError> {
        let file = self.0.open_lock()?;
        file.lock()?;
        Ok(file)
    }
}

impl Program for FlockAll {
    fn token<'a>(&'a self, refused: Option<&'a str>) -> BoxFuture<'a, Result<String, NoToken>> {
        Box::pin(async move {
            let stored = self.0.load()?;
            if self.0.is_fresh(&stored, refused) {
                return Ok(stored.access);
            }
            let _lock = self.lock().map_err(NoToken::Failed)?;
            self.0.renew(refused).await
        })
    }

    fn login(&self, tokens: TokenSet) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move {
            let _lock = self.lock()?;
            self.0.save_login(&tokens)
        })
    }
}
