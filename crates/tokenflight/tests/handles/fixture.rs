//! A session, all it touches, and what is left of it.

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
    BoxFuture, Driver, Grant, GrantError, GrantKey, RefreshToken, Session, Token, TokenRequest, TokenSet,
};
use tokenflight_test::{ManualTime, MockGrant, MockStore, ModelStore};

pub(crate) const SECOND: Duration = Duration::from_secs(1);
pub(crate) const LIFETIME: Duration = Duration::from_secs(300);

/// A logged-in session in its world.
pub(crate) struct Fixture {
    pub(crate) world: World,
    pub(crate) session: Session,
}

/// What a session touches, and what is left when its last handle is gone.
pub(crate) struct World {
    pub(crate) time: ManualTime,
    pub(crate) grant: MockGrant,
    pub(crate) store: MockStore,
    /// Behind `store`.
    pub(crate) model: ModelStore,
    pub(crate) ledger: Arc<Ledger>,
}

/// What becomes of the grant, which only the session owns.
#[derive(Default)]
pub(crate) struct Ledger {
    dropped: AtomicUsize,
    revoked: Mutex<Vec<String>>,
}

struct Booked(MockGrant, Arc<Ledger>);

impl Grant for Booked {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        self.0.request(request)
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        self.1.revoked.lock().unwrap().push(token.expose().to_owned());
        Box::pin(async { Ok(()) })
    }
}

impl Drop for Booked {
    fn drop(&mut self) {
        self.1.dropped.fetch_add(1, Ordering::SeqCst);
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let (time, grant, model) = (ManualTime::new(5), MockGrant::new(), ModelStore::new());
        let (store, ledger) = (MockStore::before(model.clone()), Arc::<Ledger>::default());
        let booked = Booked(grant.clone(), Arc::clone(&ledger));
        let session = Session::builder(booked).store(store.clone()).time(time.clone()).build().unwrap();
        let login = TokenSet::new("access-0").refresh_token("refresh-0").expires_in(LIFETIME);
        time.run(session.login(login)).unwrap();
        Self { world: World { time, grant, store, model, ledger }, session }
    }

    /// A token request is in progress, and the caller that started it has gone.
    pub(crate) fn fly(&self) {
        self.grant.gate().close();
        assert!(self.session.refresh().now_or_never().is_none());
        assert_eq!((self.grant.count(), self.session.state().refreshing), (1, true));
    }

    pub(crate) fn token(&self) -> String {
        access(&self.session.token().now_or_never().expect("a token at once").unwrap())
    }

    /// Drops the last handle.
    pub(crate) fn leave(self) -> World {
        self.world
    }
}

impl std::ops::Deref for Fixture {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}

impl World {
    /// The refresh token in the store; none after a logout.
    pub(crate) fn stored(&self) -> Option<String> {
        let entry = self.model.entry(&GrantKey::new("default")).unwrap();
        entry.tokens().map(|tokens| tokens.refresh.clone().unwrap().expose().to_owned())
    }

    /// The refresh tokens that were revoked.
    pub(crate) fn revoked(&self) -> Vec<String> {
        self.ledger.revoked.lock().unwrap().clone()
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.ledger.dropped.load(Ordering::SeqCst) == 1
    }

    pub(crate) fn assert_nothing_is_left(&self) {
        assert!(self.is_gone(), "the session leaked");
        assert_eq!(self.time.pending_sleeps(), 0, "a timer leaked");
    }
}

pub(crate) fn access(token: &Token) -> String {
    token.access().expose().to_owned()
}

pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(Waker::noop()))
}

pub(crate) fn goes_on(driver: &mut Driver) {
    assert!(poll(driver).is_pending(), "the driver has ended");
}

pub(crate) fn ends(mut driver: Driver) {
    assert!(poll(&mut driver).is_ready(), "the driver goes on");
}
