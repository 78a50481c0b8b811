//! A session whose grant notes revocations, over a store that can fail or hang; and what it leaves.

use std::{
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::FutureExt;
use tokenflight::{
    BoxFuture, Driver, Event, Grant, GrantError, GrantKey, RefreshToken, Session, TokenRequest, TokenSet,
};
use tokenflight_test::{
    ManualTime, MockGrant, MockStore, ModelStore,
    mock::{OpKind, Trouble},
};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// What becomes of the grant, which only the session owns, and what is told.
#[derive(Default)]
struct Ledger {
    dropped: AtomicUsize,
    revoked: Mutex<Vec<String>>,
    told: Mutex<Vec<Event>>,
}

struct Booked(MockGrant, Arc<Ledger>, Duration, ManualTime);

impl Grant for Booked {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        self.0.request(request)
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        Box::pin(async move {
            if !self.2.is_zero() {
                tokenflight::Time::sleep(&self.3, self.2).await;
            }
            self.1.revoked.lock().unwrap().push(token.expose().to_owned());
            Ok(())
        })
    }
}

impl Drop for Booked {
    fn drop(&mut self) {
        self.1.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

/// What a session touches, and what is left when its last handle is gone.
pub(crate) struct World {
    pub(crate) time: ManualTime,
    pub(crate) grant: MockGrant,
    pub(crate) store: MockStore,
    /// Behind `store`.
    pub(crate) model: ModelStore,
    ledger: Arc<Ledger>,
    revocation: Duration,
}

pub(crate) fn set(name: &str) -> TokenSet {
    TokenSet::new(format!("access-{name}")).refresh_token(format!("refresh-{name}")).expires_in(SECOND * 300)
}

/// A session that is logged in with `access-0`, whose server takes so long to revoke a token.
pub(crate) fn world_with(revocation: Duration) -> (World, Session) {
    let (time, grant, model) = (ManualTime::new(5), MockGrant::new(), ModelStore::new());
    let (store, ledger) = (MockStore::before(model.clone()), Arc::default());
    let world = World { time, grant, store, model, ledger, revocation };
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
    goes_on(&mut driver);
    (world, session, driver)
}

impl World {
    /// Another session of the same login, which has not read the store yet.
    pub(crate) fn session(&self) -> Session {
        let listener = Arc::clone(&self.ledger);
        let grant = Booked(self.grant.clone(), Arc::clone(&self.ledger), self.revocation, self.time.clone());
        Session::builder(grant)
            .store(self.store.clone())
            .time(self.time.clone())
            .on_event(move |event| listener.told.lock().unwrap().push(event.clone()))
            .build()
            .unwrap()
    }

    /// Another process on the same store.
    pub(crate) fn elsewhere(&self, grant: &MockGrant) -> Session {
        Session::builder(grant.clone()).store(self.model.clone()).time(self.time.clone()).build().unwrap()
    }

    /// A refresh whose rotation cannot be stored.
    pub(crate) fn rotates_unsaved(&self, session: &Session) {
        self.store.push(OpKind::Commit, Trouble::Fail);
        self.time.run(session.refresh()).unwrap();
        assert!(session.state().unsaved);
    }

    /// Polls the driver so many times, and lets so much time pass after each.
    pub(crate) fn drive(&self, driver: &mut Driver, times: usize, step: Duration) {
        for _ in 0..times {
            let _ = poll(driver);
            self.time.advance(step);
        }
    }

    /// The refresh token in the store; none after a logout.
    pub(crate) fn stored(&self) -> Option<String> {
        stored_in(&self.model)
    }

    /// The refresh tokens that were revoked.
    pub(crate) fn revoked(&self) -> Vec<String> {
        self.ledger.revoked.lock().unwrap().clone()
    }

    #[track_caller]
    pub(crate) fn assert_revoked(&self, token: &str) {
        assert!(self.revoked().contains(&token.to_owned()), "only {:?}", self.revoked());
    }

    pub(crate) fn told(&self) -> Vec<Event> {
        self.ledger.told.lock().unwrap().clone()
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.ledger.dropped.load(Ordering::SeqCst) == 1
    }

    #[track_caller]
    pub(crate) fn assert_nothing_is_left(&self) {
        assert!(self.is_gone(), "the session leaked");
        assert_eq!(self.time.pending_sleeps(), 0, "a timer leaked");
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

#[track_caller]
pub(crate) fn goes_on(driver: &mut Driver) {
    assert!(poll(driver).is_pending(), "the driver has ended");
}

#[track_caller]
pub(crate) fn ends(mut driver: Driver) {
    assert!(poll(&mut driver).is_ready(), "the driver goes on");
}
