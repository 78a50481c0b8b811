// Learn here: the file is the only thing that the processes share, and reading it, presenting what
// it says and writing the successor are three steps. All processes find the token stale in the same
// moment, because they all look at the same expiry, and all of them present the same refresh token.
// The loser also wipes the file.

use tokenflight::{BoxError, BoxFuture, TokenSet};

use super::{NoToken, Program, Tools};

pub(super) struct NoLock(pub(super) Tools);

impl Program for NoLock {
    fn token<'a>(&'a self, refused: Option<&'a str>) -> BoxFuture<'a, Result<String, NoToken>> {
        Box::pin(self.0.renew(refused))
    }

    fn login(&self, tokens: TokenSet) -> BoxFuture<'_, Result<(), BoxError>> {
        Box::pin(async move { self.0.save_login(&tokens) })
    }
}
