// Learn here: what the popular interceptors do. Any number of 401s at once lead to one refresh, and a caller that waited looks
// again before it refreshes itself. It solves the visible half: the timer is not a 401 and does not take the lock, so the
// two can still present the same refresh token, and rarely enough that no test sees it.

use std::sync::Arc;

use http::StatusCode;
use tokenflight::{BoxError, BoxFuture, TokenSet};
use tokio::sync::{Mutex, RwLock};

use super::{Client, Entry, Tokens};
use crate::race::{
    Clock,
    wire::{RefreshError, Wire},
};

/// 401 handlers that share a lock, beside a timer that does not take it.
pub(crate) struct Lock401 {
    tokens: RwLock<Tokens>,
    gate: Mutex<()>,
    wire: Wire,
    clock: Clock,
}

impl Lock401 {
    /// Starts with the tokens of a login.
    #[must_use]
    pub(crate) fn enter(login: &TokenSet, wire: Wire, clock: Clock) -> Entry {
        let tokens = RwLock::new(Tokens::of(login, clock.now()));
        let client = Arc::new(Self { tokens, gate: Mutex::default(), wire, clock });
        Entry { client: client.clone(), timer: Box::pin(async move { client.keep_fresh().await }) }
    }

    /// A token other than the refused one, if there can be one.
    async fn newer_than(&self, refused: &str) -> Option<String> {
        let _alone = self.gate.lock().await;
        let current = self.tokens.read().await.access.clone();
        if current != refused {
            return Some(current); // Refreshed while this one waited for the lock.
        }
        if self.refresh().await { Some(self.tokens.read().await.access.clone()) } else { None }
    }

    async fn refresh(&self) -> bool {
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

    async fn keep_fresh(&self) {
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

impl Client for Lock401 {
    fn get(&self) -> BoxFuture<'_, Result<StatusCode, BoxError>> {
        Box::pin(async {
            let access_token = self.tokens.read().await.access.clone();
            let status = self.wire.get(&access_token).await?;
            if status != StatusCode::UNAUTHORIZED {
                return Ok(status);
            }
            match self.newer_than(&access_token).await {
                Some(access_token) => self.wire.get(&access_token).await,
                None => Ok(status),
            }
        })
    }
}
