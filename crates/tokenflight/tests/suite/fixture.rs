//! A session with everything around it, in the words of the scenarios.

pub(crate) use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicUsize},
    task::{Context, Poll, Waker},
    time::Duration,
};

pub(crate) use futures_util::{FutureExt, Stream};
pub(crate) use tokenflight::{
    BoxFuture, Entry, EntryState, Error, ErrorKind, Event, EventOrGap, Events, FailureClass, Generation, Grant,
    GrantError, GrantKey, Revocation, Session, SessionBuilder, Source, Status, Store, StoredTokens, Token,
    TokenRequest, TokenSet, grant_fn,
};
pub(crate) use tokenflight_core::store::{Body, Op, OpId, Reply};
pub(crate) use tokenflight_test::{
    AuthServer, MockGrant, MockStore, ModelStore, Task, Tasks,
    mock::{OpKind, Step, Trouble},
};

/// The lifetime of most tokens here.
pub(crate) const LIFE: Duration = secs(300);

pub(crate) const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A session and its surroundings.
pub(crate) struct Fixture {
    pub(crate) tasks: Tasks,
    pub(crate) session: Session,
    /// The session's own view of the store.
    pub(crate) store: MockStore,
    /// What lies behind, shared by all "processes".
    pub(crate) model: ModelStore,
    told: Arc<Mutex<Vec<Event>>>,
}

impl Fixture {
    pub(crate) fn new(tasks: &Tasks, grant: impl Grant) -> Self {
        Self::over(tasks, grant, ModelStore::new(), |builder| builder)
    }

    /// A session that is logged in with `access-0`, and its grant.
    pub(crate) async fn logged_in(tasks: &Tasks) -> (MockGrant, Self) {
        let grant = MockGrant::new();
        let fixture = Self::new(tasks, grant.clone());
        fixture.log_in().await;
        (grant, fixture)
    }

    /// As [`logged_in`](Self::logged_in), and the token has run out.
    pub(crate) async fn expired(tasks: &Tasks) -> (MockGrant, Self) {
        let (grant, fixture) = Self::logged_in(tasks).await;
        tasks.pass(LIFE).await;
        (grant, fixture)
    }

    /// As [`with`](Self::with), over a store no other process reaches: it renews however long idle.
    pub(crate) fn alone(
        tasks: &Tasks,
        grant: impl Grant,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Self {
        let model = ModelStore::new();
        model.set_private(true);
        Self::over(tasks, grant, model, change)
    }

    /// As [`new`](Self::new), with other settings.
    pub(crate) fn with(
        tasks: &Tasks,
        grant: impl Grant,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Self {
        Self::over(tasks, grant, ModelStore::new(), change)
    }

    /// Another process on the same store.
    pub(crate) fn neighbour(&self, grant: impl Grant) -> Self {
        Self::over(&self.tasks, grant, self.model.another_process(), |builder| builder)
    }

    fn over(
        tasks: &Tasks,
        grant: impl Grant,
        model: ModelStore,
        change: impl FnOnce(SessionBuilder) -> SessionBuilder,
    ) -> Self {
        let store = MockStore::before(model.clone());
        let told = Arc::new(Mutex::new(Vec::new()));
        let listener = Arc::clone(&told);
        let builder = Session::builder(grant)
            .store(store.clone())
            .time(tasks.time().clone())
            .on_event(move |event| lock(&listener).push(event.clone()));
        let session = change(builder).build().expect("the settings make sense");
        Self { tasks: tasks.clone(), session, store, model, told }
    }

    /// Logs in with `access-0` and `refresh-0`, good for [`LIFE`].
    pub(crate) async fn log_in(&self) {
        self.log_in_with(pair("access-0", "refresh-0", LIFE)).await;
    }

    #[track_caller]
    pub(crate) fn log_in_with(&self, set: TokenSet) -> impl Future<Output = ()> + Send + '_ {
        let session = self.session.clone();
        let login = self.tasks.run(async move { session.login(set).await });
        async move { login.await.expect("the login is stored") }
    }

    /// Starts the driver.
    pub(crate) fn drive(&self) -> Task<()> {
        self.tasks.spawn(self.session.driver())
    }

    #[track_caller]
    pub(crate) fn token(&self) -> impl Future<Output = Result<Token, Error>> + Send + '_ {
        let session = self.session.clone();
        self.tasks.run(async move { session.token().await })
    }

    /// The access token that a request would carry now.
    #[track_caller]
    pub(crate) fn access(&self) -> impl Future<Output = String> + Send + '_ {
        let token = self.token();
        async move { token.await.expect("there is a token").access().expose().to_owned() }
    }

    #[track_caller]
    pub(crate) fn refresh(&self) -> impl Future<Output = Result<Token, Error>> + Send + '_ {
        let session = self.session.clone();
        self.tasks.run(async move { session.refresh().await })
    }

    #[track_caller]
    pub(crate) fn newer_than(&self, generation: u64) -> impl Future<Output = Result<Token, Error>> + Send + '_ {
        let session = self.session.clone();
        self.tasks.run(async move { session.newer_than(Generation::new(generation)).await })
    }

    #[track_caller]
    pub(crate) fn log_out(&self) -> impl Future<Output = Result<Revocation, Error>> + Send + '_ {
        let session = self.session.clone();
        self.tasks.run(async move { session.logout().await })
    }

    /// A caller that wants a token, as a task of its own.
    pub(crate) fn caller(&self) -> Task<Result<Token, Error>> {
        let session = self.session.clone();
        self.tasks.spawn(async move { session.token().await })
    }

    pub(crate) fn callers(&self, count: usize) -> Vec<Task<Result<Token, Error>>> {
        (0..count).map(|_| self.caller()).collect()
    }

    pub(crate) fn generation(&self) -> u64 {
        self.session.state().generation.get()
    }

    /// What is stored.
    pub(crate) fn entry(&self) -> Entry {
        self.model.entry(&key()).expect("something is stored")
    }

    /// Whether the stored refresh token is neither claimed nor in doubt.
    pub(crate) fn is_settled(&self) -> bool {
        let entry = self.entry();
        entry.claim.is_none() && entry.doubt.is_none()
    }

    /// Stores a successor, as another process would that presents the stored token and is quicker.
    pub(crate) fn overtake(&self, set: &TokenSet) {
        let (mut entry, id) = (self.entry(), OpId::unique());
        (entry.op, entry.set, entry.rotation) = (id, id, entry.rotation + 1);
        entry.state = EntryState::Active(StoredTokens::from_set(set, self.tasks.time().now().wall, None));
        (entry.claim, entry.doubt) = (None, None);
        self.model.set_entry(&key(), Some(entry));
    }

    /// The refresh token that is stored.
    pub(crate) fn stored_refresh(&self) -> String {
        let entry = self.entry();
        let refresh = entry.tokens().and_then(|tokens| tokens.refresh.as_ref()).expect("a refresh token is stored");
        refresh.expose().to_owned()
    }

    /// Everything told since the last call.
    pub(crate) fn told(&self) -> Vec<Event> {
        std::mem::take(&mut lock(&self.told))
    }
}

/// The name under which a session keeps its grant if it is not told another.
pub(crate) fn key() -> GrantKey {
    GrantKey::new("default")
}

pub(crate) fn pair(access: &str, refresh: &str, lifetime: Duration) -> TokenSet {
    TokenSet::new(access).refresh_token(refresh).expires_in(lifetime)
}

/// What is there to be read without waiting.
pub(crate) fn read_all(events: &mut Events) -> Vec<EventOrGap> {
    let mut cx = Context::from_waker(Waker::noop());
    std::iter::from_fn(|| match Pin::new(&mut *events).poll_next(&mut cx) {
        Poll::Ready(item) => item,
        Poll::Pending => None,
    })
    .collect()
}

pub(crate) fn presented(grant: &MockGrant) -> Vec<String> {
    grant.presented().iter().map(|token| token.expose().to_owned()).collect()
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
