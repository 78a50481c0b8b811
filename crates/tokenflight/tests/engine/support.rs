//! What these tests stand on: sessions on manual time, clocks and stores with habits of their own.

pub(crate) use std::{
    convert::Infallible,
    fmt,
    future::{Future, pending, poll_fn, ready},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

pub(crate) use bytes::Bytes;
pub(crate) use futures_util::{
    FutureExt, StreamExt,
    future::{join, select},
};
pub(crate) use http::{Request, Response};
pub(crate) use http_body_util::Full;
pub(crate) use tokenflight::{
    Audiences, BearerLayer, BoxFuture, CallbackStore, Driver, EntryState, Error, Event, EventOrGap, Grant, GrantError,
    GrantKey, MemoryStore, Now, Origins, RefreshToken, Revocation, Session, Store, StoredTokens, Time, TokenRequest,
    TokenSet, grant_fn, time::Sleep,
};
pub(crate) use tokenflight_core::store::{Blob, Body, Op, Reply, Seen, StoreError};
pub(crate) use tokenflight_test::{
    AuthServer, ManualTime, MockGrant, MockStore, ModelStore,
    mock::{Fate, Gate, OpKind, Step, Trouble},
};
pub(crate) use tower::{Layer, Service, service_fn};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn key() -> GrantKey {
    GrantKey::new("default")
}

pub(crate) fn set(name: &str) -> TokenSet {
    TokenSet::new(format!("access-{name}")).refresh_token(format!("refresh-{name}")).expires_in(SECOND * 300)
}

pub(crate) fn session(time: impl Time, grant: impl Grant, store: impl Store) -> Session {
    Session::builder(grant).store(store).time(time).build().unwrap()
}

/// As [`session`], logged in with `access-0`, whose time is over.
pub(crate) fn expired(time: &ManualTime, grant: impl Grant, store: impl Store) -> Session {
    let session = session(time.clone(), grant, store);
    time.run(session.login(set("0"))).unwrap();
    time.advance(SECOND * 301);
    session
}

/// Polls the driver so many times, and lets so much time pass after each.
pub(crate) fn drive(driver: &mut Driver, time: &ManualTime, times: usize, step: Duration) {
    for _ in 0..times {
        let _ = poll(driver);
        time.advance(step);
    }
}

/// A clock, what is stored, and a store before it that can fail.
pub(crate) fn watched() -> (ManualTime, ModelStore, MockStore) {
    let model = ModelStore::new();
    (ManualTime::new(1), model.clone(), MockStore::before(model))
}

pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(Waker::noop()))
}

/// The refresh token that is stored.
pub(crate) fn stored(model: &ModelStore) -> String {
    model.entry(&key()).unwrap().tokens().unwrap().refresh.clone().unwrap().expose().to_owned()
}

/// Runs this on a thread of its own; `None` if it does not come back.
pub(crate) fn within<T: Send + 'static>(limit: Duration, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    #[allow(clippy::disallowed_methods)] // A watchdog.
    thread::spawn(move || sender.send(work()));
    receiver.recv_timeout(limit).ok()
}

/// Runs this on a thread of its own, where it must not wait for itself.
#[track_caller]
pub(crate) fn assert_comes_back(work: impl FnOnce() + Send + 'static) {
    assert!(within(SECOND * 5, work).is_some(), "a deadlock");
}

/// Every event that was told so far.
pub(crate) fn told(events: &mut tokenflight::Events) -> Vec<Event> {
    let mut told = Vec::new();
    while let Some(Some(EventOrGap::Event(event))) = events.next().now_or_never() {
        told.push(event);
    }
    told
}

/// Manual time that runs out of chance: what asks for ever ends in a panic instead of going on.
#[derive(Clone)]
pub(crate) struct Tired(ManualTime, Arc<AtomicUsize>);

impl Tired {
    pub(crate) fn new(time: &ManualTime) -> Self {
        Self(time.clone(), Arc::new(AtomicUsize::new(usize::MAX)))
    }

    /// From now on chance can be asked for so often.
    pub(crate) fn leave(&self, draws: usize) {
        self.1.store(draws, Ordering::SeqCst);
    }
}

impl Time for Tired {
    fn now(&self) -> Now {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Time::sleep(&self.0, duration)
    }

    fn random(&self) -> u64 {
        let left = self.1.fetch_sub(1, Ordering::SeqCst);
        // An abort and not a panic, which would be caught.
        if left == 0 {
            eprintln!("this does not come back from one poll");
            std::process::abort();
        }
        Time::random(&self.0)
    }
}

/// Manual time whose chance is always the same, as stand-ins in tests often have it.
#[derive(Clone)]
pub(crate) struct Dull(pub(crate) ManualTime, pub(crate) u64);

impl Time for Dull {
    fn now(&self) -> Now {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        Time::sleep(&self.0, duration)
    }

    fn random(&self) -> u64 {
        self.1
    }
}

/// A store in front of another one that does something before each operation.
pub(crate) struct Before<F>(pub(crate) ModelStore, pub(crate) F);

impl<F: Fn(OpKind) -> BoxFuture<'static, ()> + Send + Sync + 'static> Store for Before<F> {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        let first = (self.1)(OpKind::Load);
        Box::pin(async move {
            first.await;
            self.0.load(key).await
        })
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        let first = (self.1)(match op.body {
            Body::Claim { .. } => OpKind::Claim,
            Body::Commit { .. } => OpKind::Commit,
            Body::End { .. } => OpKind::End,
            Body::Settle { .. } => OpKind::Settle,
            Body::Reset { .. } => OpKind::Reset,
            Body::Again { .. } => OpKind::Again,
        });
        Box::pin(async move {
            first.await;
            self.0.apply(key, op).await
        })
    }
}

/// Does one operation on a model at once, as another process would.
pub(crate) fn elsewhere(model: &ModelStore, now: Now, body: Body) -> Reply {
    model.apply(&key(), Op::new(None, now, body)).now_or_never().unwrap().unwrap()
}

/// A grant that remembers what it revoked.
pub(crate) struct Revoking<G>(pub(crate) G, pub(crate) Arc<Mutex<Vec<String>>>);

impl<G: Grant> Grant for Revoking<G> {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        self.0.request(request)
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        self.1.lock().unwrap().push(token.expose().to_owned());
        Box::pin(ready(Ok(())))
    }
}
