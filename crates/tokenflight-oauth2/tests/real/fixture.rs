//! A user of a server: a session, what it tells, and an HTTP client with its tokens.

pub(crate) use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

pub(crate) use bytes::Bytes;
pub(crate) use http::{Request, StatusCode};
pub(crate) use http_body_util::{BodyExt, Full};
pub(crate) use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
pub(crate) use tokenflight::{Bearer, BearerLayer, ErrorKind, Event, FailureClass, Grant, Origins, Session, Status};
pub(crate) use tokenflight_oauth2::{ClientAuth, OAuthGrant, TokenEndpoint, discovery, provider};
pub(crate) use tokio::{task::JoinHandle, time::Instant};
pub(crate) use tower::Layer;

pub(crate) use crate::{
    on_both,
    server::{Kind, Server, Setup},
    support::client,
};

/// How long anything may take that should happen. Two processors with other work are slow.
const PATIENCE: Duration = Duration::from_secs(30);
/// A scenario that takes this long hangs.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) type Pool = Client<HttpConnector, Full<Bytes>>;

/// How long the stress runs.
pub(crate) fn stress_time() -> Duration {
    Duration::from_secs(number("TOKENFLIGHT_SECONDS").unwrap_or(12))
}

/// How many short-lived programs there are, if that is told.
pub(crate) fn programs() -> Option<u64> {
    number("TOKENFLIGHT_PROGRAMS")
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Runs a scenario against this server, if it is installed.
pub(crate) fn run(kind: Kind, scenario: impl AsyncFnOnce(Kind)) {
    if kind.installed().is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let limit = LIMIT + stress_time() + Duration::from_secs(programs().unwrap_or(0));
    #[allow(clippy::disallowed_methods)] // A watchdog: what hangs must fail.
    let watched = async { tokio::time::timeout(limit, scenario(kind)).await };
    assert!(runtime.block_on(watched).is_ok(), "it hangs");
}

/// Lets real time pass: the servers have no other.
pub(crate) async fn pass(time: Duration) {
    #[allow(clippy::disallowed_methods)]
    tokio::time::sleep(time).await;
}

/// The token endpoint as the client without a secret sees it.
pub(crate) fn public(server: &Server) -> TokenEndpoint {
    TokenEndpoint::new(&server.at.token, client()).unwrap().client(ClientAuth::public("public"))
}

pub(crate) struct User {
    pub(crate) session: Session,
    events: Arc<Mutex<Vec<Event>>>,
    /// The session's name at the server.
    pub(crate) name: String,
    web: Bearer<Pool>,
    resource: String,
    driver: Option<JoinHandle<()>>,
}

impl User {
    /// A user who has not logged in.
    pub(crate) fn new(server: &Server, grant: impl Grant) -> Self {
        let events = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&events);
        let listener = move |event: &Event| log.lock().unwrap().push(event.clone());
        let session = Session::builder(grant).on_event(listener).build().unwrap();
        let origins = Origins::with_plain_loopback([server.at.issuer.as_str()]).unwrap();
        let pool = Client::builder(TokioExecutor::new()).build_http();
        let web = BearerLayer::new(session.clone(), origins).layer(pool);
        Self { session, events, name: String::new(), web, resource: server.at.resource.clone(), driver: None }
    }

    /// A user who has logged in to this client.
    pub(crate) async fn logged_in(server: &Server, grant: OAuthGrant, client: &str) -> Self {
        let mut user = Self::new(server, grant);
        let (tokens, name) = server.login(client).await;
        user.session.login(tokens).await.unwrap();
        user.name = name;
        user
    }

    pub(crate) fn driven(mut self) -> Self {
        #[allow(clippy::disallowed_methods)] // The driver is a task of the test.
        let driver = tokio::spawn(self.session.driver());
        self.driver = Some(driver);
        self
    }

    pub(crate) fn web(&self) -> (Bearer<Pool>, String) {
        (self.web.clone(), self.resource.clone())
    }

    /// What the resource answers.
    pub(crate) async fn get(&self) -> (StatusCode, serde_json::Value) {
        let request = Request::get(&self.resource).body(Full::default()).unwrap();
        let answer = self.web.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(Into::<tokenflight::BoxError>::into).unwrap();
        (status, serde_json::from_slice(&body.to_bytes()).unwrap())
    }

    /// The access token that the session hands out.
    pub(crate) async fn access(&self) -> Result<String, tokenflight::Error> {
        self.session.token().await.map(|token| token.access().expose().to_owned())
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, of: impl Fn(&Event) -> bool) -> usize {
        self.events().iter().filter(|event| of(event)).count()
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.abort();
        }
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !so().await {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        pass(Duration::from_millis(30)).await;
    }
}
