//! A session whose grant notes what it revokes, over a store that can fail and hang.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::FutureExt;
use tokenflight::{
    BoxFuture, Driver, Event, Grant, GrantError, GrantKey, RefreshToken, Session, TokenRequest, TokenSet,
};
use tokenflight_test::{ManualTime, MockGrant, MockStore, ModelStore};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

type Revoked = Arc<Mutex<Vec<String>>>;

struct Revoking(MockGrant, Revoked, Duration, ManualTime);

impl Grant for Revoking {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        self.0.request(request)
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        Box::pin(async move {
            if !self.2.is_zero() {
                tokenflight::Time::sleep(&self.3, self.2).await;
            }
            self.1.lock().unwrap().push(token.expose().to_owned());
            Ok(())
        })
    }
}

pub(crate) struct World {
    pub(crate) time: ManualTime,
    pub(crate) grant: MockGrant,
    pub(crate) store: MockStore,
    pub(crate) model: ModelStore,
    revoked: Revoked,
    events: Arc<Mutex<Vec<Event>>>,
    revocation: Duration,
}

pub(crate) fn set(name: &str) -> TokenSet {
    TokenSet::new(format!("access-{name}")).refresh_token(format!("refresh-{name}")).expires_in(SECOND * 300)
}

pub(crate) fn world_with(revocation: Duration) -> (World, Session) {
    let (time, grant, model) = (ManualTime::new(5), MockGrant::new(), ModelStore::new());
    let (store, revoked, events) = (MockStore::before(model.clone()), Arc::default(), Arc::default());
    let world = World { time, grant, store, model, revoked, events, revocation };
    let session = world.session();
    world.time.run(session.login(set("0"))).unwrap();
    (world, session)
}

pub(crate) fn world() -> (World, Session) {
    world_with(Duration::ZERO)
}

/// A session and its driver, which has begun.
pub(crate) fn driven() -> (World, Session, Driver) {
    let (world, session) = world();
    let mut driver = session.driver();
    assert!(poll(&mut driver).is_pending());
    (world, session, driver)
}

impl World {
    /// Another session of the same login, which has not read the store yet.
    pub(crate) fn session(&self) -> Session {
        let told = Arc::clone(&self.events);
        let revoked = Arc::clone(&self.revoked);
        Session::builder(Revoking(self.grant.clone(), revoked, self.revocation, self.time.clone()))
            .store(self.store.clone())
            .time(self.time.clone())
            .on_event(move |event| told.lock().unwrap().push(event.clone()))
            .build()
            .unwrap()
    }

    pub(crate) fn revoked(&self) -> Vec<String> {
        self.revoked.lock().unwrap().clone()
    }

    pub(crate) fn told(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub(crate) fn stored(&self) -> Option<String> {
        stored_in(&self.model)
    }
}

/// The refresh token that is stored.
pub(crate) fn stored_in(model: &ModelStore) -> Option<String> {
    let entry = model.entry(&GrantKey::new("default"))?;
    entry.tokens().map(|tokens| tokens.refresh.clone().unwrap().expose().to_owned())
}

pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(Waker::noop()))
}
