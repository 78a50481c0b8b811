//! An authorization server that presents its verdict at the end. It never panics while it is asked:
//! the engine would take that for a failed request.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{collections::BTreeSet, time::Duration};

use shuttle::future::yield_now;
use tokenflight::{BoxFuture, Grant, GrantError, RefreshToken, Token, TokenRequest, TokenSet};

use super::world::chance;

const LIFETIME: Duration = Duration::from_secs(300);

/// Never locked while another task may go on.
#[derive(Clone, Default)]
pub(crate) struct Server(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    families: Vec<Family>,
    wrongs: Vec<String>,
}

/// What one login gave rise to.
#[derive(Default)]
struct Family {
    /// The number of its newest refresh token.
    newest: u64,
    busy: bool,
    revoked: BTreeSet<u64>,
}

impl Server {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new family.
    pub(crate) fn login(&self) -> TokenSet {
        let mut inner = self.lock();
        inner.families.push(Family::default());
        set(inner.families.len() - 1, 0)
    }

    /// The number of the newest refresh token of a family.
    pub(crate) fn newest(&self, family: usize) -> RefreshToken {
        set(family, self.lock().families[family].newest).refresh().unwrap().clone()
    }

    /// Whether the client has revoked the newest refresh token of a family.
    pub(crate) fn is_revoked(&self, family: usize) -> bool {
        let inner = self.lock();
        inner.families[family].revoked.contains(&inner.families[family].newest)
    }

    pub(crate) fn rotations(&self, family: usize) -> u64 {
        self.lock().families[family].newest
    }

    pub(crate) fn family_of(&self, token: &Token) -> usize {
        number(token.access().expose(), 1)
    }

    pub(crate) fn wrongs(&self) -> Vec<String> {
        self.lock().wrongs.clone()
    }

    /// A refresh token arrives. Strict: only the newest one counts, and only once at a time.
    fn arrives(&self, token: &str) -> Visit {
        let (family, presented) = (number(token, 1), number(token, 2) as u64);
        let mut inner = self.lock();
        let Inner { families, wrongs } = &mut *inner;
        let state = &mut families[family];
        if state.busy {
            wrongs.push(format!("two requests at once with tokens of login {family}"));
        }
        if presented != state.newest {
            wrongs.push(format!("{token} was presented, and the newest is number {}", state.newest));
        }
        if state.revoked.contains(&presented) {
            wrongs.push(format!("{token} was presented after it was revoked"));
        }
        state.busy = true;
        Visit { server: self.clone(), family }
    }

    /// The server's answer; it may still be lost on its way.
    fn rotates(&self, family: usize) -> TokenSet {
        let state = &mut self.lock().families[family];
        state.newest += 1;
        set(family, state.newest)
    }

    fn revokes(&self, token: &str) {
        self.lock().families[number(token, 1)].revoked.insert(number(token, 2) as u64);
    }
}

/// A request on its way, until it is answered or dropped.
struct Visit {
    server: Server,
    family: usize,
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.server.lock().families[self.family].busy = false;
    }
}

fn set(family: usize, newest: u64) -> TokenSet {
    TokenSet::new(format!("access-{family}-{newest}"))
        .refresh_token(format!("refresh-{family}-{newest}"))
        .expires_in(LIFETIME)
}

fn number(token: &str, place: usize) -> usize {
    token.split('-').nth(place).unwrap().parse().unwrap()
}

/// Presents refresh tokens to the server, with other tasks going on meanwhile.
pub(crate) struct Presenter {
    pub(crate) server: Server,
    pub(crate) faults: bool,
}

impl Grant for Presenter {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async move {
            let token = request.refresh_token().expect("a refresh token").expose();
            request.mark_unsent();
            yield_now().await;
            if self.faults && chance(3) == 0 {
                return Err(GrantError::not_sent("as scripted"));
            }
            request.mark_sent();
            let visit = self.server.arrives(token);
            for _ in 0..chance(3) {
                yield_now().await;
            }
            let answer = self.server.rotates(visit.family);
            yield_now().await;
            Ok(answer)
        })
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        Box::pin(async move {
            yield_now().await;
            self.server.revokes(token.expose());
            Ok(())
        })
    }
}
