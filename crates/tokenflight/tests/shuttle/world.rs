//! What surrounds a session under the model checker: time, a store and the server.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use shuttle::{
    future::{block_on, yield_now},
    rand::{RngCore, thread_rng},
};
use tokenflight::{
    BoxFuture, Epoch, Generation, GrantKey, MemoryStore, Now, Record, RecordState, Session, Store, StoredTokens, Time,
    core::{
        lease::{Claim, Commit, End, Lease, Owner, Reset, Settle, StoreError, Write},
        time::Sleep,
    },
};

use super::server::{Presenter, Server};

/// An even number below `most`, chosen by the checker.
pub(crate) fn chance(most: u64) -> u64 {
    thread_rng().next_u64() % most
}

/// Time that passes only while somebody waits for a moment: retries and pauses end, limits never do.
#[derive(Clone, Default)]
pub(crate) struct Moments(Arc<Clock>);

#[derive(Default)]
struct Clock {
    /// Milliseconds since the start.
    now: AtomicU64,
    drawn: AtomicU64,
}

/// What counts as a moment.
const MOMENT: Duration = Duration::from_secs(2);
/// Long after the start of the Unix epoch, so that tokens received then are spent.
const START: Duration = Duration::from_secs(1_700_000_000);

impl Time for Moments {
    fn now(&self) -> Now {
        let passed = Duration::from_millis(self.0.now.load(Ordering::SeqCst));
        Now::new(Duration::from_secs(1_000) + passed, START + passed)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let clock = Arc::clone(&self.0);
        let length = u64::try_from(duration.as_millis()).unwrap() + 1;
        let end = clock.now.load(Ordering::SeqCst) + length;
        Box::pin(async move {
            if duration > MOMENT {
                pending::<()>().await;
            }
            yield_now().await;
            yield_now().await;
            clock.now.fetch_max(end, Ordering::SeqCst);
        })
    }

    fn random(&self) -> u64 {
        // Distinct, for the owners of leases, and next to nothing, for jitter.
        self.0.drawn.fetch_add(1, Ordering::SeqCst)
    }
}

/// A store whose operations take their time, before they are done and after.
#[derive(Clone, Default)]
pub(crate) struct Slow(MemoryStore);

async fn slowly<T>(work: BoxFuture<'_, T>) -> T {
    yield_now().await;
    let done = work.await;
    yield_now().await;
    done
}

impl Store for Slow {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        Box::pin(slowly(self.0.load(key)))
    }

    fn lease<'a>(&'a self, key: &'a GrantKey, claim: Claim) -> BoxFuture<'a, Result<Lease, StoreError>> {
        Box::pin(slowly(self.0.lease(key, claim)))
    }

    fn intend<'a>(&'a self, key: &'a GrantKey, owner: Owner) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(slowly(self.0.intend(key, owner)))
    }

    fn commit<'a>(&'a self, key: &'a GrantKey, commit: Commit) -> BoxFuture<'a, Result<Write, StoreError>> {
        Box::pin(slowly(self.0.commit(key, commit)))
    }

    fn end<'a>(&'a self, key: &'a GrantKey, end: End) -> BoxFuture<'a, Result<Write, StoreError>> {
        Box::pin(slowly(self.0.end(key, end)))
    }

    fn settle<'a>(&'a self, key: &'a GrantKey, owner: Owner, outcome: Settle) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(slowly(self.0.settle(key, owner, outcome)))
    }

    fn reset<'a>(&'a self, key: &'a GrantKey, reset: Reset) -> BoxFuture<'a, Result<(Epoch, Generation), StoreError>> {
        Box::pin(slowly(self.0.reset(key, reset)))
    }
}

/// One login, and everything around it.
pub(crate) struct World {
    pub(crate) server: Server,
    time: Moments,
    store: MemoryStore,
    faults: bool,
}

impl World {
    pub(crate) fn new(faults: bool) -> Self {
        let world = Self { server: Server::default(), time: Moments::default(), store: MemoryStore::default(), faults };
        let login = world.server.login();
        // Received so long ago that the token is spent, or just now.
        let received = if chance(2) == 0 { Duration::ZERO } else { START };
        let tokens = StoredTokens::from_set(&login, received, None);
        let reset = Reset::new(Epoch::new(1), Generation::new(1), Some(tokens));
        block_on(world.store.reset(&key(), reset)).unwrap();
        world
    }

    pub(crate) fn time(&self) -> Moments {
        self.time.clone()
    }

    pub(crate) fn grant(&self) -> Presenter {
        Presenter { server: self.server.clone(), faults: self.faults }
    }

    pub(crate) fn session(&self) -> Session {
        Session::builder(self.grant())
            .store(Slow(self.store.clone()))
            .time(self.time())
            .key(key())
            .configure(|policy| policy.fresh_window = Duration::ZERO)
            .build()
            .unwrap()
    }

    /// The server has nothing to complain of, and the store holds what it issued last.
    pub(crate) fn judge(&self, logged_out: bool) {
        let wrongs = self.server.wrongs();
        assert!(wrongs.is_empty(), "{wrongs:?}");
        let record = block_on(self.store.load(&key())).unwrap().unwrap();
        match &record.state {
            RecordState::Active(tokens) => {
                let family = tokens.refresh.as_ref().unwrap().expose().split('-').nth(1).unwrap().parse().unwrap();
                assert!(!logged_out, "the logout was not stored");
                assert!(tokens.refresh.as_ref() == Some(&self.server.newest(family)), "a rotation was lost");
            }
            RecordState::LoggedOut => {
                assert!(logged_out);
                let seen = self.server.rotations(0) > 0;
                assert!(!seen || self.server.is_revoked(0), "a refresh token outlived the logout");
            }
            state => panic!("the session ended: {state:?}"),
        }
        assert!(record.intent.is_none(), "an intent was left behind");
    }
}

fn key() -> GrantKey {
    GrantKey::new("alice")
}
