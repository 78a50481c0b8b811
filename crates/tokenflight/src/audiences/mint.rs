//! The hidden session, and how an audience gets its token set out of it.

use std::collections::{BTreeMap, BTreeSet};

use tokenflight_core::{
    BoxFuture, Error, ErrorKind, FailureClass, Grant, GrantError, LoginId, RefreshToken, TokenSet, grant::ReusePolicy,
    grant::TokenRequest,
};

use crate::{
    Session, Token,
    sync::{Arc, Mutex, lock},
};

/// Which audiences wait, and what has been minted for them.
#[derive(Default)]
pub(super) struct Mintage(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    wanted: BTreeSet<usize>,
    minted: BTreeMap<usize, (LoginId, TokenSet)>,
}

impl Mintage {
    fn want(&self, audience: usize) {
        lock(&self.0).wanted.insert(audience);
    }

    /// The next one to be served; the first one if nobody waits.
    fn next(&self) -> usize {
        lock(&self.0).wanted.first().copied().unwrap_or_default()
    }

    fn put(&self, audience: usize, login: LoginId, set: TokenSet) {
        let mut inner = lock(&self.0);
        inner.wanted.remove(&audience);
        inner.minted.insert(audience, (login, set));
    }

    /// What was minted for this audience, if the hidden session holds just that now: else another login, or another
    /// process, has been there since.
    fn take(&self, audience: usize, held: &Token) -> Option<TokenSet> {
        let (login, set) = lock(&self.0).minted.remove(&audience)?;
        (login == held.login() && set.access() == held.access()).then_some(set)
    }
}

/// The hidden session's grant: presents the refresh token for whoever waits.
pub(super) struct Switch {
    grants: Vec<Arc<dyn Grant>>,
    mintage: Arc<Mintage>,
}

impl Switch {
    pub(super) const fn new(grants: Vec<Arc<dyn Grant>>, mintage: Arc<Mintage>) -> Self {
        Self { grants, mintage }
    }

    async fn mint(&self, request: &TokenRequest) -> Result<TokenSet, GrantError> {
        let audience = self.mintage.next();
        let grant = self.grants.get(audience).ok_or_else(|| GrantError::config("there is no audience"))?;
        let set = grant.request(request).await?;
        self.mintage.put(audience, request.login(), set.clone());
        Ok(set)
    }
}

impl Grant for Switch {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(self.mint(request))
    }

    fn issuer(&self) -> Option<&str> {
        self.grants.first()?.issuer()
    }

    fn reuse_policy(&self) -> Option<ReusePolicy> {
        self.grants.first()?.reuse_policy()
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        match self.grants.first() {
            Some(grant) => grant.revoke(token),
            None => Box::pin(async { Ok(()) }),
        }
    }
}

/// The hidden session.
pub(super) struct Mint {
    root: Session,
    mintage: Arc<Mintage>,
}

impl Mint {
    pub(super) const fn new(root: Session, mintage: Arc<Mintage>) -> Self {
        Self { root, mintage }
    }

    pub(super) const fn root(&self) -> &Session {
        &self.root
    }

    pub(super) fn for_audience(mint: &Arc<Self>, audience: usize) -> impl Grant + use<> {
        ForAudience { mint: Arc::clone(mint), audience }
    }

    async fn token(&self, audience: usize) -> Result<TokenSet, GrantError> {
        /// Flights of others that one may have to sit through; then something else is wrong.
        const MOST: usize = 64;
        self.mintage.want(audience);
        for _ in 0..MOST {
            let held = self.root.refresh().await.map_err(as_failure)?;
            if let Some(set) = self.mintage.take(audience, &held) {
                return Ok(set);
            }
            self.mintage.want(audience);
        }
        Err(GrantError::not_sent("other audiences and processes were faster each time"))
    }
}

/// What the hidden session's failure is for an audience.
fn as_failure(error: Error) -> GrantError {
    let failure = match error.kind() {
        ErrorKind::Ended(reason) => GrantError::terminal(reason.code()),
        ErrorKind::LoggedOut => GrantError::terminal("logged_out"),
        ErrorKind::NotLoggedIn => GrantError::terminal("not_logged_in"),
        ErrorKind::NoRefreshToken => GrantError::terminal("no_refresh_token"),
        ErrorKind::Refresh(class) => GrantError::new(*class),
        ErrorKind::Store => GrantError::new(FailureClass::NotSent),
        _ => GrantError::new(FailureClass::Config),
    };
    let failure = match error.retry_after() {
        Some(after) => failure.retry_after(after),
        None => failure,
    };
    failure.source(error)
}

/// An audience's grant. It holds no refresh token; the hidden session's rules guard that.
struct ForAudience {
    mint: Arc<Mint>,
    audience: usize,
}

impl Grant for ForAudience {
    fn request<'a>(&'a self, _: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async {
            let set = self.mint.token(self.audience).await?;
            Ok(set.without_refresh_token())
        })
    }

    fn needs_refresh_token(&self) -> bool {
        false
    }

    fn reuse_policy(&self) -> Option<ReusePolicy> {
        Some(ReusePolicy::NonRotating)
    }
}
