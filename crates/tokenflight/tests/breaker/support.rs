//! Sessions over one store and one authorization server; and presentations without a session.

pub(crate) use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

pub(crate) use futures_util::FutureExt;
pub(crate) use tokenflight::{
    Error, FailureClass, Grant, GrantError, GrantKey, Reason, RefreshToken, Session, Time, TokenRequest, TokenSet,
    breaker::{Breaker, BreakerState, Guarded, Held, Settings},
    grant_fn,
};
pub(crate) use tokenflight_test::{AuthServer, Fault, ManualTime, ModelStore, Task, Tasks, auth::AuthGrant};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Users of one service.
pub(crate) struct Users {
    pub(crate) time: ManualTime,
    pub(crate) tasks: Tasks,
    pub(crate) auth: AuthServer,
    pub(crate) model: ModelStore,
    pub(crate) count: usize,
}

impl Users {
    /// So many, logged in, at a server whose answers take 100 ms.
    pub(crate) fn new(count: usize) -> Self {
        let time = ManualTime::new(1);
        let latency = Duration::from_millis(100);
        let auth = AuthServer::builder(time.shared()).latency(latency..=latency).build();
        let users = Self { tasks: Tasks::new(&time), auth, model: ModelStore::new(), count, time };
        for (number, session) in users.sessions(|grant| grant).into_iter().enumerate() {
            let login = users.auth.login_as(&number.to_string());
            users.tasks.block_on(users.tasks.run(async move { session.login(login).await })).unwrap();
        }
        users
    }

    /// All have refreshed since the backup that is restored now; their access tokens have run out.
    pub(crate) fn restored(count: usize) -> Self {
        let users = Self::new(count);
        let backup: Vec<_> = (0..count).map(|number| users.model.entry(&key(number))).collect();
        users.time.advance(SECOND * 400);
        let asked = users.ask(&users.sessions(|grant| grant));
        assert!(asked.iter().all(Result::is_ok));
        for (number, entry) in backup.into_iter().enumerate() {
            users.model.set_entry(&key(number), entry);
        }
        users
    }

    /// A process with a session for each user, with these grants.
    pub(crate) fn sessions<G: Grant>(&self, grant: impl Fn(AuthGrant) -> G) -> Vec<Session> {
        let session = |number| {
            let builder = Session::builder(grant(self.auth.grant())).key(key(number)).time(self.time.clone());
            builder.store(self.model.clone()).build().unwrap()
        };
        (0..self.count).map(session).collect()
    }

    /// Every one of them asks for its token at once.
    pub(crate) fn ask(&self, sessions: &[Session]) -> Vec<Result<String, Error>> {
        let tasks: Vec<Task<_>> = sessions.iter().cloned().map(|session| self.tasks.spawn(token(session))).collect();
        self.tasks.block_on(self.tasks.until(|| tasks.iter().all(Task::is_over)));
        tasks.into_iter().map(Task::ended).collect()
    }

    /// How many have lost their session.
    pub(crate) fn ended(&self) -> usize {
        let report = self.auth.report();
        (0..self.count).filter(|number| !report.is_alive(&number.to_string())).count()
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.tasks.block_on(self.tasks.pass(time));
    }
}

async fn token(session: Session) -> Result<String, Error> {
    session.token().await.map(|token| token.access().expose().to_owned())
}

pub(crate) fn key(number: usize) -> GrantKey {
    GrantKey::new(format!("user-{number}"))
}

pub(crate) fn request() -> TokenRequest {
    TokenRequest::new(Some(RefreshToken::new("spent-or-not")), Reason::Due)
}

pub(crate) fn tokens() -> Result<TokenSet, GrantError> {
    Ok(TokenSet::new("access").refresh_token("next"))
}

/// One presentation, answered at once.
pub(crate) fn present(breaker: &Breaker, answer: impl Fn() -> Result<TokenSet, GrantError> + Send + Sync + 'static) {
    let guarded = breaker.guard(grant_fn(move |_: TokenRequest| std::future::ready(answer())));
    let _ = guarded.request(&request()).now_or_never().expect("nothing to wait for");
}

pub(crate) fn lives(breaker: &Breaker) {
    present(breaker, tokens);
}

pub(crate) fn ends(breaker: &Breaker) {
    present(breaker, || Err(GrantError::terminal("invalid_grant")));
}

/// Five that ended: open, for a minute.
pub(crate) fn opened(time: &ManualTime) -> Breaker {
    let breaker = Breaker::new(time.clone());
    (0..5).for_each(|_| ends(&breaker));
    assert_eq!(breaker.state(), BreakerState::Open { next: SECOND * 60 });
    breaker
}

/// A server that never answers.
pub(crate) fn silent(breaker: &Breaker) -> Guarded<impl Grant> {
    breaker.guard(grant_fn(|_: TokenRequest| std::future::pending()))
}

/// What an error says of why a refresh token was held back.
pub(crate) trait SourceSays {
    fn source_says(&self, words: &str) -> bool;
}

impl SourceSays for Error {
    fn source_says(&self, words: &str) -> bool {
        Held::of(self).is_some_and(|held| held.to_string().contains(words))
    }
}
