pub(crate) use std::time::Duration;

pub(crate) use futures_util::future::join;
pub(crate) use tokenflight::{
    Entry, EntryState, ErrorKind, FailureClass, GrantError, GrantKey, Session, Store, StoredTokens, Time, TokenSet,
};
pub(crate) use tokenflight_core::{
    BoxFuture,
    store::{Body, Op, OpId, Owner, Reply, Seen, StoreError},
};
pub(crate) use tokenflight_test::{
    ManualTime, MockGrant, MockStore, ModelStore,
    mock::{
        OpKind::{self, Claim, Commit, End, Load, Settle},
        Step, Trouble,
    },
};

pub(crate) const LIFE: Duration = secs(300);

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn key() -> GrantKey {
    GrantKey::new("default")
}

pub(crate) fn pair(name: &str) -> TokenSet {
    TokenSet::new(format!("access-{name}")).refresh_token(format!("refresh-{name}")).expires_in(LIFE)
}

/// A session whose token has expired, and the log of its store from then on.
pub(crate) struct Fixture {
    pub(crate) time: ManualTime,
    pub(crate) grant: MockGrant,
    pub(crate) store: MockStore,
    pub(crate) model: ModelStore,
    pub(crate) session: Session,
    pub(crate) seen: usize,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let (time, grant, model) = (ManualTime::new(3), MockGrant::new(), ModelStore::new());
        let store = MockStore::before(model.clone());
        let builder = Session::builder(grant.clone()).store(store.clone()).time(time.clone());
        let session = builder.build().expect("the settings make sense");
        time.run(session.login(pair("0"))).expect("stored");
        time.advance(LIFE);
        let seen = store.kinds().len();
        Self { time, grant, store, model, session, seen }
    }

    /// What was done to the store since the expiry.
    pub(crate) fn kinds(&self) -> Vec<OpKind> {
        self.store.kinds().split_off(self.seen)
    }

    pub(crate) fn entry(&self) -> Entry {
        self.model.entry(&key()).expect("something is stored")
    }

    pub(crate) fn is_claimed(&self) -> bool {
        self.entry().claim.is_some()
    }

    pub(crate) fn is_in_doubt(&self) -> bool {
        self.entry().doubt.is_some()
    }

    pub(crate) fn token(&self) -> Result<String, tokenflight::Error> {
        self.time.run(self.session.token()).map(|token| token.access().expose().to_owned())
    }

    /// Stores a successor, as another process would.
    pub(crate) fn put(&self, name: &str) {
        self.put_received(name, self.time.now().wall);
    }

    /// As [`put`](Self::put), with tokens that were received then.
    pub(crate) fn put_received(&self, name: &str, received: Duration) {
        let tokens = StoredTokens::from_set(&pair(name), received, None);
        let (mut entry, id) = (self.entry(), OpId::unique());
        (entry.op, entry.set, entry.rotation) = (id, id, entry.rotation + 1);
        (entry.state, entry.claim, entry.doubt) = (EntryState::Active(tokens), None, None);
        self.model.set_entry(&key(), Some(entry));
    }

    /// Logs in, as another process would. Returns the name of that login.
    pub(crate) fn login_elsewhere(&self) -> OpId {
        let tokens = Some(self.stored("elsewhere"));
        let op = Op::new(None, self.time.now(), Body::Reset { base: None, tokens });
        let id = op.id;
        self.time.run(self.model.apply(&key(), op)).expect("the model does what it is asked");
        id
    }

    pub(crate) fn presented(&self) -> Vec<String> {
        self.grant.presented().iter().map(|token| token.expose().to_owned()).collect()
    }

    pub(crate) fn stored(&self, name: &str) -> StoredTokens {
        StoredTokens::from_set(&pair(name), self.time.now().wall, None)
    }
}
