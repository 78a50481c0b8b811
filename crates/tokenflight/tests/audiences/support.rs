//! What these tests stand on: audiences over a server that judges, and audiences whose grants do
//! what a script says.

pub(crate) use std::{
    convert::Infallible,
    future::Future,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Duration,
};

pub(crate) use bytes::Bytes;
pub(crate) use futures_util::{
    FutureExt, StreamExt,
    future::{join, join_all},
};
pub(crate) use http::{Request, Response};
pub(crate) use http_body_util::Full;
pub(crate) use tokenflight::{
    Audiences, AudiencesBuilder, BearerLayer, BoxFuture, BuildError, ErrorKind, Event, EventOrGap, Events,
    FailureClass, Grant, GrantError, GrantKey, MemoryStore, Origins, RefreshToken, ReusePolicy, Session, Status, Token,
    TokenRequest, TokenSet,
};
pub(crate) use tokenflight_test::{
    AuthServer, Fault, ManualTime, MockGrant, MockStore, ModelStore,
    auth::AuthGrant,
    mock::{OpKind, Step, Trouble},
};
pub(crate) use tower::{Layer, Service, service_fn};

pub(crate) const NAMES: [&str; 3] = ["files", "mail", "maps"];
pub(crate) const LIFETIME: Duration = Duration::from_secs(300);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The server's grant for one audience: it says for whom a token is in the token's scope.
pub(crate) struct For(AuthGrant, &'static str);

impl Grant for For {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async { Ok(self.0.request(request).await?.scope(self.1)) })
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        self.0.revoke(token)
    }
}

/// Processes over one store, and a server that rotates refresh tokens.
pub(crate) struct Fixture {
    pub(crate) time: ManualTime,
    pub(crate) auth: AuthServer,
    pub(crate) store: MemoryStore,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let time = ManualTime::new(3);
        let latency = Duration::from_millis(100);
        let auth = AuthServer::builder(time.shared()).access_lifetime(LIFETIME).latency(latency..=latency).build();
        Self { time, auth, store: MemoryStore::new() }
    }

    pub(crate) fn process(&self) -> Audiences {
        let builder = Audiences::builder().store(self.store.clone()).time(self.time.clone());
        NAMES
            .into_iter()
            .fold(builder, |builder, name| builder.audience(name, For(self.auth.grant(), name)))
            .build()
            .unwrap()
    }

    pub(crate) fn logged_in() -> (Self, Audiences) {
        let fixture = Self::new();
        let audiences = fixture.process();
        fixture.time.run(audiences.login(fixture.auth.login_as("alice"))).unwrap();
        (fixture, audiences)
    }

    pub(crate) fn requests(&self) -> u64 {
        self.auth.report().total.token_requests
    }
}

/// A scripted grant for one audience, whose name is in its refresh tokens. All of them note in one
/// list which was asked when.
struct Noted(MockGrant, &'static str, Arc<Mutex<Vec<&'static str>>>);

impl Grant for Noted {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async {
            self.2.lock().unwrap().push(self.1);
            let set = self.0.request(request).await?.scope(self.1);
            let refresh = set.refresh().map(|refresh| format!("{}-{}", self.1, refresh.expose()));
            Ok(set.refresh_token(refresh.unwrap_or_default()))
        })
    }
}

/// Audiences whose grants do what a script says.
pub(crate) struct Scripted {
    pub(crate) time: ManualTime,
    pub(crate) model: ModelStore,
    pub(crate) store: MockStore,
    pub(crate) files: MockGrant,
    pub(crate) mail: MockGrant,
    pub(crate) maps: MockGrant,
    asked: Arc<Mutex<Vec<&'static str>>>,
}

impl Scripted {
    pub(crate) fn new() -> Self {
        let model = ModelStore::new();
        Self {
            time: ManualTime::new(1),
            store: MockStore::before(model.clone()),
            model,
            files: MockGrant::new(),
            mail: MockGrant::new(),
            maps: MockGrant::new(),
            asked: Arc::default(),
        }
    }

    pub(crate) fn process(&self, settings: impl FnOnce(AudiencesBuilder) -> AudiencesBuilder) -> Audiences {
        let builder = settings(Audiences::builder().store(self.store.clone()).time(self.time.clone()));
        [("files", &self.files), ("mail", &self.mail), ("maps", &self.maps)]
            .into_iter()
            .fold(builder, |builder, (name, grant)| {
                builder.audience(name, Noted(grant.clone(), name, Arc::clone(&self.asked)))
            })
            .build()
            .unwrap()
    }

    pub(crate) fn logged_in() -> (Self, Audiences) {
        Self::logged_in_with(|builder| builder)
    }

    pub(crate) fn logged_in_with(settings: impl FnOnce(AudiencesBuilder) -> AudiencesBuilder) -> (Self, Audiences) {
        let fixture = Self::new();
        let audiences = fixture.process(settings);
        fixture.time.run(audiences.login(set("0"))).unwrap();
        (fixture, audiences)
    }

    /// From now on the server does not answer.
    pub(crate) fn close_gates(&self) {
        for grant in [&self.files, &self.mail, &self.maps] {
            grant.gate().close();
        }
    }

    /// For which audiences the refresh token was presented, in order.
    pub(crate) fn asked(&self) -> Vec<&'static str> {
        self.asked.lock().unwrap().clone()
    }

    /// The refresh token that is stored.
    pub(crate) fn stored(&self) -> String {
        let entry = self.model.entry(&GrantKey::new("default")).unwrap();
        entry.tokens().unwrap().refresh.clone().unwrap().expose().to_owned()
    }
}

pub(crate) fn set(name: &str) -> TokenSet {
    TokenSet::new(format!("access-{name}")).refresh_token(format!("refresh-{name}")).expires_in(LIFETIME)
}

pub(crate) fn session<'a>(audiences: &'a Audiences, name: &str) -> &'a Session {
    audiences.session(name).unwrap()
}

pub(crate) fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    future.poll_unpin(&mut Context::from_waker(Waker::noop()))
}

/// Every event that was told so far.
pub(crate) fn told(events: &mut Events) -> Vec<Event> {
    let mut told = Vec::new();
    while let Some(Some(EventOrGap::Event(event))) = events.next().now_or_never() {
        told.push(event);
    }
    told
}

/// Several callers ask for every audience.
pub(crate) async fn all<'a>(
    audiences: impl IntoIterator<Item = &'a Audiences>,
    times: usize,
) -> Vec<(&'static str, Token)> {
    let asks = audiences.into_iter().flat_map(|audiences| {
        NAMES.into_iter().flat_map(move |name| {
            (0..times).map(move |_| async move { (name, session(audiences, name).token().await.unwrap()) })
        })
    });
    join_all(asks).await
}
