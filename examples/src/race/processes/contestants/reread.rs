// Learn here: "when the server refuses the refresh token, another process may have been faster:
// read the file again". That helps with servers which only refuse. One that detects reuse has ended
// the session by then, and the newer token with it: what looks like a lost race is a lost login.

use tokenflight::{BoxError, BoxFuture, TokenSet};

use super::{NoToken, Program, Tools};

/// No lock, but a second look at the file after `invalid_grant`.
pub(super) struct Reread(pub(super) Tools);

impl Program for Reread {
    fn token<'a>(&'a self, refused: Option<&'a str>) -> BoxFuture<'a, Result<String, NoToken>> {
        Box::pin(async move {
            let mut stored = self.0.load()?;
            while !self.0.is_fresh(&stored, refused) {
                match self.0.refresh(&stored).await {
                    Ok(next) => {
                        self.0.save(&next)?;
                        return Ok(next.access);
                    }
                    Err(None) => {
                        let newer = self.0.load()?;
                        if newer.refresh == stored.refresh {
                            return Err(self.0.forget());
                        }
                        stored = newer;
                    }
                    Err(Some(error)) => return Err(NoToken::Failed(error)),
                }
            }
            Ok(stored.access)
        })
    }

    fn login(&self, tokens: TokenSet) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move { self.0.save_login(&tokens) })
    }
}
