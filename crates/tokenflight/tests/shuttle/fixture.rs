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
use tokenflight::{BoxFuture, Entry, EntryState, GrantKey, MemoryStore, Now, Session, Store, StoredTokens, Time};
use tokenflight_core::{
    Sleep,
    store::{Body, Op, Reply, Seen, StoreError},
};

use super::server::{Presenter, Server};

/// An even number below `most`, chosen by the checker.
pub(crate) fn chance(most: u64) -> u64 {
    thread_rng().next_u64() % most
}

/// Time that passes only while a task waits for a moment: retries and pauses end, limits never do.
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
        // Next to nothing, for jitter.
        self.0.drawn.fetch_add(1, Ordering::SeqCst)
    }
}

/// A store whose operations take their time, before they are done and after.
#[derive(Clone, Default)]
pub(crate) struct Slow {
    store: MemoryStore,
    resets: Arc<AtomicU64>,
}

async fn slowly<T>(work: BoxFuture<'_, T>) -> T {
    yield_now().await;
    let done = work.await;
    yield_now().await;
    done
}

impl Store for Slow {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(slowly(self.store.load(key)))
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        if matches!(op.body, Body::Reset { .. }) {
            self.resets.fetch_add(1, Ordering::SeqCst);
        }
        Box::pin(slowly(self.store.apply(key, op)))
    }

    fn is_private(&self) -> bool {
        self.store.is_private()
    }
}

/// One login, and everything around it.
pub(crate) struct Fixture {
    pub(crate) server: Server,
    time: Moments,
    slow: Slow,
    faults: bool,
}

impl Fixture {
    pub(crate) fn new(faults: bool) -> Self {
        let fixture = Self { server: Server::default(), time: Moments::default(), slow: Slow::default(), faults };
        let login = fixture.server.login();
        // Received so long ago that the token is spent, or just now.
        let received = if chance(2) == 0 { Duration::ZERO } else { START };
        let tokens = StoredTokens::from_set(&login, received, None);
        let reset = Op::new(None, fixture.time.now(), Body::Reset { base: None, tokens: Some(tokens) });
        block_on(fixture.slow.store.apply(&key(), reset)).unwrap();
        fixture
    }

    pub(crate) fn time(&self) -> Moments {
        self.time.clone()
    }

    pub(crate) fn grant(&self) -> Presenter {
        Presenter { server: self.server.clone(), faults: self.faults }
    }

    pub(crate) fn session(&self) -> Session {
        Session::builder(self.grant())
            .store(self.slow.clone())
            .time(self.time())
            .key(key())
            .configure(|policy| policy.fresh_window = Duration::ZERO)
            .build()
            .unwrap()
    }

    fn entry(&self) -> Entry {
        block_on(self.slow.store.load(&key())).unwrap().entry.unwrap()
    }

    /// The login whose tokens are stored.
    pub(crate) fn stored_family(&self) -> usize {
        family(self.entry().tokens().unwrap())
    }

    /// How often the session has begun to store a login or a logout.
    pub(crate) fn resets(&self) -> u64 {
        self.slow.resets.load(Ordering::SeqCst)
    }

    /// The server has nothing to complain of, and the store holds what it issued last.
    pub(crate) fn judge(&self, logged_out: bool) {
        let wrongs = self.server.wrongs();
        assert!(wrongs.is_empty(), "{wrongs:?}");
        let entry = self.entry();
        match &entry.state {
            EntryState::Active(tokens) => {
                let family = family(tokens);
                assert!(!logged_out, "the logout was not stored");
                assert!(tokens.refresh.as_ref() == Some(&self.server.newest(family)), "a rotation was lost");
            }
            EntryState::LoggedOut => {
                assert!(logged_out);
                let seen = self.server.rotations(0) > 0;
                assert!(!seen || self.server.is_revoked(0), "a refresh token outlived the logout");
            }
            state => panic!("the session ended: {state:?}"),
        }
        assert!(entry.claim.is_none() && entry.doubt.is_none(), "a claim was left behind: {entry:?}");
    }
}

fn family(tokens: &StoredTokens) -> usize {
    tokens.refresh.as_ref().unwrap().expose().split('-').nth(1).unwrap().parse().unwrap()
}

fn key() -> GrantKey {
    GrantKey::new("alice")
}
