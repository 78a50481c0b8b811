// Learn here: one lock around everything is not enough either. Timer, expiry check and 401 handler
// all refresh under it, so no two requests ever carry the same refresh token at once. But the
// refresh runs inside the future of the request that needed it: drop that request after the server
// has rotated, and the new token is lost; the next one presents the old.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use tokenflight::{BoxError, BoxFuture, TokenSet};
use tokio::sync::Mutex;

use super::{Client, Entry, Tokens};
use crate::race::{
    Clock,
    wire::{RefreshError, Wire},
};

/// How often the timer looks after a session that is not used.
const LOOK: Duration = Duration::from_millis(500);

/// One lock for all, held across the refresh.
pub(crate) struct LockInside {
    tokens: Mutex<Tokens>,
    wire: Wire,
    clock: Clock,
}

impl LockInside {
    /// Starts with the tokens of a login.
    pub(crate) fn enter(login: &TokenSet, wire: Wire, clock: Clock) -> Entry {
        let client = Arc::new(Self { tokens: Mutex::new(Tokens::of(login, clock.now())), wire, clock });
        Entry { client: client.clone(), timer: Box::pin(async move { client.keep_fresh().await }) }
    }

    /// The access token, renewed first if it is about to expire or is the one that was refused.
    async fn token(&self, refused: Option<&str>) -> String {
        let mut tokens = self.tokens.lock().await;
        let stale = self.clock.now() >= tokens.due || refused == Some(&tokens.access);
        if let Some(refresh_token) = tokens.refresh.clone().filter(|_| stale) {
            match self.wire.refresh(&refresh_token).await {
                Ok(answer) => tokens.adopt(answer, self.clock.now()),
                Err(RefreshError::Ended) => tokens.refresh = None,
                Err(_) => {}
            }
        }
        tokens.access.clone()
    }

    async fn keep_fresh(&self) {
        while self.tokens.lock().await.refresh.is_some() {
            self.token(None).await;
            self.clock.sleep(LOOK).await;
        }
    }
}

impl Client for LockInside {
    fn get(&self) -> BoxFuture<'_, Result<StatusCode, BoxError>> {
        Box::pin(async {
            let access_token = self.token(None).await;
            let status = self.wire.get(&access_token).await?;
            if status != StatusCode::UNAUTHORIZED {
                return Ok(status);
            }
            let newer = self.token(Some(&access_token)).await;
            if newer == access_token { Ok(status) } else { self.wire.get(&newer).await }
        })
    }
}
