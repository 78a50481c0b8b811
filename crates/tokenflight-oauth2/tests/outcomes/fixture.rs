//! A session whose renewal is due, its driver, and a scripted server.

pub(crate) use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

pub(crate) use http::{HeaderMap, HeaderValue, StatusCode, header};
pub(crate) use tokenflight::{
    BoxFuture, Event,
    FailureClass::{self, Ambiguous, Config, Terminal, Throttled},
    Grant, GrantError, GrantKey, MemoryStore, Reason, Session, Status, Store, Token, TokenRequest, TokenSet,
};
pub(crate) use tokenflight_oauth2::{
    BoxError, ClientAuth, OAuthGrant, TokenClient, TokenEndpoint,
    answer::{Answer, Verdict, judge},
    provider::{self, Provider},
};
pub(crate) use tokenflight_test::ManualTime;

pub(crate) use crate::{
    rows::{Next, adopted, ambiguous, config, terminal},
    support::{Act, Scripted, answer, client, json, shown},
};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
/// How old the token is when the attempt is made: renewal is due, and it lives for 600 s more.
const AGE: Duration = Duration::from_secs(3000);
/// Nothing happens later than this.
const END: Duration = Duration::from_secs(7200);

/// What came of one attempt.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// `None`: tokens were adopted.
    pub(crate) class: Option<FailureClass>,
    pub(crate) code: Option<String>,
    /// The error and everything below it, as a log would show it.
    pub(crate) told: String,
    /// Requests that reached the server until the attempt was over.
    pub(crate) submissions: usize,
    pub(crate) stored: String,
    /// Whether the store tells the next one that the refresh token may be spent.
    pub(crate) intent: bool,
    /// The access token that a request gets now.
    pub(crate) served: Option<String>,
    pub(crate) over: bool,
    /// How long after the end of the attempt the next one began; `None`: there was none in an hour.
    pub(crate) next: Option<Duration>,
}

/// A grant that notes when it is asked.
struct Noted {
    inner: OAuthGrant,
    time: ManualTime,
    asked: Arc<Mutex<Vec<Duration>>>,
}

impl Grant for Noted {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        self.asked.lock().unwrap().push(self.time.now().boot);
        self.inner.request(request)
    }

    fn inner(&self) -> Option<&dyn Grant> {
        Some(&self.inner)
    }
}

pub(crate) struct Fixture {
    pub(crate) time: ManualTime,
    pub(crate) session: Session,
    pub(crate) store: MemoryStore,
    events: Arc<Mutex<Vec<Event>>>,
    asked: Arc<Mutex<Vec<Duration>>>,
}

pub(crate) fn key() -> GrantKey {
    GrantKey::new("alice")
}

/// Lets every task of this thread run until nothing moves but sockets.
pub(crate) async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

impl Fixture {
    /// A session with tokens whose renewal is due.
    pub(crate) async fn new(grant: OAuthGrant) -> Self {
        let time = ManualTime::new(7);
        let store = MemoryStore::default();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let events = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&events);
        let grant = Noted { inner: grant, time: time.clone(), asked: Arc::clone(&asked) };
        let session = Session::builder(grant)
            .store(store.clone())
            .time(time.clone())
            .key(key())
            .on_event(move |event| log.lock().unwrap().push(event.clone()))
            .build()
            .unwrap();
        session.login(TokenSet::new("access-0").refresh_token("refresh-0").expires_in(HOUR)).await.unwrap();
        time.advance(AGE);
        events.lock().unwrap().clear();
        Self { time, session, store, events, asked }
    }

    fn over(&self) -> Option<Event> {
        let ends = |event: &&Event| {
            matches!(event, Event::Refreshed { .. } | Event::RefreshFailed { .. } | Event::Ended { .. })
        };
        self.events.lock().unwrap().iter().find(ends).cloned()
    }

    /// Runs the driver through one attempt and on to the next.
    ///
    /// `patience`: how much time passes while the server is silent.
    pub(crate) async fn attempt(self, server: &Scripted, patience: Option<Duration>) -> Outcome {
        #[allow(clippy::disallowed_methods)] // The driver is a task of the test.
        let driver = tokio::spawn(self.session.driver());
        // A driver lets requests go first when it begins.
        settle().await;
        self.time.advance(Duration::from_secs(5));
        if let Some(patience) = patience {
            server.reached(1).await;
            settle().await;
            self.time.advance(patience);
        }
        let ended = loop {
            match self.over() {
                Some(event) => break event,
                None => tokio::task::yield_now().await,
            }
        };
        settle().await;
        let outcome = self.outcome(server, &ended).await;
        let next = self.next().await;
        driver.abort();
        Outcome { next, ..outcome }
    }

    async fn outcome(&self, server: &Scripted, ended: &Event) -> Outcome {
        let record = self.store.load(&key()).await.unwrap().entry.unwrap();
        let (class, error) = match ended {
            Event::RefreshFailed { class, error, .. } => (Some(*class), Some(error.clone())),
            Event::Ended { .. } => match self.session.state().status {
                Status::Over(error) | Status::Ending(error) => (Some(Terminal), Some(error)),
                status => panic!("{status:?}"),
            },
            _ => (None, None),
        };
        let grant_error =
            error.as_ref().and_then(|error| std::error::Error::source(error)?.downcast_ref::<GrantError>());
        let told = error.as_ref().map_or_else(String::new, |error| shown(error));
        let over = matches!(self.session.state().status, Status::Over(_) | Status::Ending(_));
        // An attempt that is already under way again would be another one's.
        let served = if over || matches!(self.session.state().status, Status::Usable) {
            self.session.token().await.ok().map(|token: Token| token.access().expose().to_owned())
        } else {
            None
        };
        Outcome {
            class,
            code: grant_error.and_then(|error| error.error_code().map(str::to_owned)),
            told,
            submissions: server.seen().len(),
            stored: record.tokens().map_or_else(String::new, |tokens| {
                tokens.refresh.as_ref().map_or("none", |token| token.expose()).to_owned()
            }),
            intent: record.claim.is_some() || record.doubt.is_some(),
            served,
            over,
            next: None,
        }
    }

    /// Moves the time on until the grant is asked again.
    async fn next(&self) -> Option<Duration> {
        let from = self.time.now().boot;
        while self.time.now().boot < from + END {
            settle().await;
            if let Some(second) = self.asked.lock().unwrap().get(1) {
                return Some(second.saturating_sub(from));
            }
            if !self.time.advance_to_next() {
                return None;
            }
        }
        None
    }
}

/// What a session does with this behaviour of a server of this kind.
pub(crate) async fn play_with(act: Act, provider: &'static Provider, patience: Option<Duration>) -> Outcome {
    let server =
        Scripted::new([act, json(200, r#"{"access_token":"late","token_type":"Bearer","expires_in":3600}"#)]).await;
    let grant = endpoint(&server.url(), client()).provider(provider).refresh_token();
    Fixture::new(grant).await.attempt(&server, patience).await
}

pub(crate) async fn play(act: Act) -> Outcome {
    play_with(act, provider::UNKNOWN, None).await
}

pub(crate) fn endpoint(url: &str, client: impl TokenClient) -> TokenEndpoint {
    TokenEndpoint::new(url, client).unwrap().client(ClientAuth::public("client"))
}
