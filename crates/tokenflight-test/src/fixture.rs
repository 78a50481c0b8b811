//! What a test of a session stands on.

use std::{fmt, future::Future, time::Duration};

use tokenflight_core::{Grant, TokenSet};

use crate::{AuthServer, ManualTime, MockGrant, MockStore, ModelStore, Task, Tasks, auth::AuthGrant};

/// A session and all that it touches: manual time, an authorization server or a [`MockGrant`], a
/// store that fails where told to, the entries behind it, and tasks whose rest can be waited for.
///
/// It is generic over the session, which the test builds.
///
/// ```
/// # struct Session(std::sync::Arc<dyn Store>);
/// # impl Session {
/// #     fn new(_: impl tokenflight_core::Grant, store: impl Store, _: impl tokenflight_core::Time) -> Self {
/// #         Self(std::sync::Arc::new(store))
/// #     }
/// #     async fn logout(&self, key: GrantKey) {
/// #         let now = tokenflight_core::Now::new(Default::default(), Default::default());
/// #         let logout = Op::new(None, now, Body::Reset { base: None, tokens: None });
/// #         let _ = self.0.apply(&key, logout).await;
/// #     }
/// # }
/// use tokenflight_core::store::{Body, GrantKey, Op, Store};
/// use tokenflight_test::{Fixture, mock::OpKind};
///
/// let fixture = Fixture::new(|parts| Session::new(parts.grant, parts.store, parts.time));
/// let (session, key) = (&fixture.session, GrantKey::new("default"));
/// fixture.tasks.block_on(async {
///     session.logout(key.clone()).await;
///     assert_eq!(fixture.store.count(OpKind::Reset), 1);
///     assert!(fixture.model.entry(&key).is_some());
/// });
/// ```
pub struct Fixture<S, A = MockGrant> {
    /// The clocks and timers.
    pub time: ManualTime,
    /// What answers token requests.
    pub auth: A,
    /// The session's own view of the store.
    pub store: MockStore,
    /// The storage behind it, shared by all processes.
    pub model: ModelStore,
    /// What is tested.
    pub session: S,
    /// Everything that runs.
    pub tasks: Tasks,
}

/// What a session is built of.
#[derive(Debug)]
#[non_exhaustive]
pub struct Parts<G> {
    /// The clocks and timers.
    pub time: ManualTime,
    /// How it obtains token sets.
    pub grant: G,
    /// Where it keeps them.
    pub store: MockStore,
}

impl<S> Fixture<S> {
    /// With a [`MockGrant`].
    #[must_use]
    pub fn new(build: impl FnOnce(Parts<MockGrant>) -> S) -> Self {
        Self::on(&Tasks::new(&ManualTime::new(7)), build)
    }

    /// With a [`MockGrant`], and the tasks of an executor.
    #[must_use]
    pub fn on(tasks: &Tasks, build: impl FnOnce(Parts<MockGrant>) -> S) -> Self {
        let auth = MockGrant::new();
        Self::over(tasks, auth.clone(), auth, ModelStore::new(), build)
    }

    /// Another process over the same entries, with a grant and a mock of its own.
    #[must_use]
    pub fn another_process(&self, build: impl FnOnce(Parts<MockGrant>) -> S) -> Self {
        let auth = MockGrant::new();
        Self::over(&self.tasks, auth.clone(), auth, self.model.another_process(), build)
    }

    /// What a login brings: `access-0` and `refresh-0`, for five minutes.
    #[must_use]
    pub fn login(&self) -> TokenSet {
        TokenSet::new("access-0").refresh_token("refresh-0").expires_in(Duration::from_secs(300))
    }
}

impl<S> Fixture<S, AuthServer> {
    /// With an [`AuthServer`] that rotates refresh tokens and detects their reuse.
    #[must_use]
    pub fn rotating(build: impl FnOnce(Parts<AuthGrant>) -> S) -> Self {
        let time = ManualTime::new(7);
        let auth = AuthServer::new(time.shared());
        Self::with(&Tasks::new(&time), auth, build)
    }

    /// With this authorization server, which should live on the time of the tasks.
    #[must_use]
    pub fn with(tasks: &Tasks, auth: AuthServer, build: impl FnOnce(Parts<AuthGrant>) -> S) -> Self {
        Self::over(tasks, auth.grant(), auth, ModelStore::new(), build)
    }

    /// Another process over the same entries and authorization server, with a mock of its own.
    #[must_use]
    pub fn another_process(&self, build: impl FnOnce(Parts<AuthGrant>) -> S) -> Self {
        Self::over(&self.tasks, self.auth.grant(), self.auth.clone(), self.model.another_process(), build)
    }

    /// What a login brings: a family of tokens of the authorization server's.
    #[must_use]
    pub fn login(&self) -> TokenSet {
        self.auth.login()
    }
}

impl<S, A> Fixture<S, A> {
    fn over<G: Grant>(tasks: &Tasks, grant: G, auth: A, model: ModelStore, build: impl FnOnce(Parts<G>) -> S) -> Self {
        let (time, store) = (tasks.time().clone(), MockStore::before(model.clone()));
        let session = build(Parts { time: time.clone(), grant, store: store.clone() });
        Self { time, auth, store, model, session, tasks: tasks.clone() }
    }
}

impl<S: Clone + Send + 'static, A> Fixture<S, A> {
    /// Starts something with the session, as a task of its own.
    pub fn spawn<F>(&self, work: impl FnOnce(S) -> F) -> Task<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.tasks.spawn(work(self.session.clone()))
    }

    /// Does something with the session, moving the time as far as it takes.
    #[track_caller]
    pub fn run<F>(&self, work: impl FnOnce(S) -> F) -> impl Future<Output = F::Output> + Send + '_
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.tasks.run(work(self.session.clone()))
    }
}

impl<S, A> fmt::Debug for Fixture<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixture").field("store", &self.store).field("tasks", &self.tasks).finish_non_exhaustive()
    }
}
