// Learn here: what the popular interceptors do. Any number of 401s at once lead to one refresh, and
// a caller that waited looks again before it refreshes itself. It solves the visible half: the
// timer is not a 401 and does not take the lock, so the two can still present the same refresh
// token, and rarely enough that no test sees it.

use std::sync::Arc;

use http::StatusCode;
use tokenflight::{BoxError, BoxFuture, TokenSet};
use tokio::sync::Mutex;

use super::{Client, Entry, naive::Naive};
use crate::race::{Clock, wire::Wire};

/// 401 handlers that share a lock, beside a timer that does not take it.
pub(crate) struct Lock401 {
    /// The same tokens, timer and refresh as without a lock.
    without: Naive,
    gate: Mutex<()>,
}

impl Lock401 {
    /// Starts with the tokens of a login.
    pub(crate) fn enter(login: &TokenSet, wire: Wire, clock: Clock) -> Entry {
        let client = Arc::new(Self { without: Naive::new(login, wire, clock), gate: Mutex::default() });
        Entry { client: client.clone(), timer: Box::pin(async move { client.without.keep_fresh().await }) }
    }

    /// A token other than the refused one, if there can be one.
    async fn newer_than(&self, refused: &str) -> Option<String> {
        let _alone = self.gate.lock().await;
        let current = self.without.access_token().await;
        if current != refused {
            return Some(current); // Refreshed while this one waited for the lock.
        }
        if self.without.refresh().await { Some(self.without.access_token().await) } else { None }
    }
}

impl Client for Lock401 {
    fn get(&self) -> BoxFuture<'_, Result<StatusCode, BoxError>> {
        Box::pin(async {
            let access_token = self.without.access_token().await;
            let status = self.without.wire.get(&access_token).await?;
            if status != StatusCode::UNAUTHORIZED {
                return Ok(status);
            }
            match self.newer_than(&access_token).await {
                Some(access_token) => self.without.wire.get(&access_token).await,
                None => Ok(status),
            }
        })
    }
}
