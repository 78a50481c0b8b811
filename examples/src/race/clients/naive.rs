// Learn here: two places that may refresh are one too many. When the timer's request is still under
// way as the token expires, every 401 presents the very same refresh token again, and the server
// must take one of the two for a thief. Nothing is wrong in any single function of this file; it
// works in every test that has only one of the two.

use std::sync::Arc;

use http::StatusCode;
use tokenflight::{BoxError, BoxFuture, TokenSet};
use tokio::sync::RwLock;

use super::{Client, Entry, Tokens};
use crate::race::{
    Clock,
    wire::{RefreshError, Wire},
};

/// A timer and a 401 handler that refresh independently.
pub(crate) struct Naive {
    tokens: RwLock<Tokens>,
    pub(super) wire: Wire,
    clock: Clock,
}

impl Naive {
    /// Starts with the tokens of a login.
    pub(crate) fn enter(login: &TokenSet, wire: Wire, clock: Clock) -> Entry {
        let client = Arc::new(Self::new(login, wire, clock));
        Entry { client: client.clone(), timer: Box::pin(async move { client.keep_fresh().await }) }
    }

    pub(super) fn new(login: &TokenSet, wire: Wire, clock: Clock) -> Self {
        Self { tokens: RwLock::new(Tokens::of(login, clock.now())), wire, clock }
    }

    pub(super) async fn access_token(&self) -> String {
        self.tokens.read().await.access.clone()
    }

    pub(super) async fn refresh(&self) -> bool {
        let Some(refresh_token) = self.tokens.read().await.refresh.clone() else { return false };
        let result = self.wire.refresh(&refresh_token).await;
        let mut tokens = self.tokens.write().await;
        match result {
            Ok(answer) => {
                tokens.adopt(answer, self.clock.now());
                true
            }
            Err(RefreshError::Ended) => {
                tokens.refresh = None;
                false
            }
            Err(_) => false,
        }
    }

    pub(super) async fn keep_fresh(&self) {
        loop {
            let Tokens { due, refresh: Some(_), .. } = *self.tokens.read().await else { return };
            match due.checked_sub(self.clock.now()) {
                Some(wait) if !wait.is_zero() => self.clock.sleep(wait).await,
                _ if self.refresh().await => {}
                _ => self.clock.sleep(std::time::Duration::from_secs(1)).await,
            }
        }
    }
}

impl Client for Naive {
    fn get(&self) -> BoxFuture<'_, Result<StatusCode, BoxError>> {
        Box::pin(async {
            let access_token = self.access_token().await;
            let status = self.wire.get(&access_token).await?;
            if status != StatusCode::UNAUTHORIZED || !self.refresh().await {
                return Ok(status);
            }
            self.wire.get(&self.access_token().await).await
        })
    }
}
