//! A grant that waits for the session it works for: an error that names the mistake, never a hang.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::future::{join, join3};
use smol::channel;
use tokenflight::{
    BoxFuture, Error, ErrorKind, FailureClass, Grant, GrantError, Session, Token, TokenRequest, TokenSet,
};
use tokenflight_test::{ManualTime, MockGrant};

const SECOND: Duration = Duration::from_secs(1);

/// How a grant asks a session for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Token,
    Refresh,
    NewerThan,
}

/// A grant that asks a session before it sends anything, as one whose client is wrapped in that
/// session's layer.
#[derive(Clone)]
struct Asking {
    grant: MockGrant,
    ask: Ask,
    session: Arc<OnceLock<Session>>,
    heard: Arc<OnceLock<ErrorKind>>,
}

impl Asking {
    fn new(ask: Ask) -> Self {
        Self { grant: MockGrant::new(), ask, session: Arc::default(), heard: Arc::default() }
    }

    async fn obtain(&self) -> Result<Option<Token>, Error> {
        let Some(session) = self.session.get() else { return Ok(None) };
        let token = match self.ask {
            Ask::Token => session.token().await,
            Ask::Refresh => session.refresh().await,
            Ask::NewerThan => session.newer_than(session.state().generation).await,
        };
        token.map(Some)
    }
}

impl Grant for Asking {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async move {
            match self.obtain().await {
                Ok(_) => self.grant.request(request).await,
                Err(error) => {
                    let _ = self.heard.set(error.kind().clone());
                    Err(GrantError::config(error))
                }
            }
        })
    }
}

/// A session whose token has expired.
fn stale(time: &ManualTime, grant: &Asking) -> Session {
    let session = Session::builder(grant.clone()).time(time.clone()).build().unwrap();
    let login = TokenSet::new("access-0").refresh_token("refresh-0").expires_in(60 * SECOND);
    time.run(session.login(login)).unwrap();
    session
}

fn assert_names_the_mistake(error: &Error) {
    assert_eq!(error.class(), Some(FailureClass::Config), "{error:?}");
    let mut source = std::error::Error::source(error);
    let mut told = Vec::new();
    while let Some(error) = source {
        told.push(error.to_string());
        source = error.source();
    }
    assert!(told.iter().any(|text| text.contains("do not wrap the token client")), "{told:?}");
}

#[test]
fn a_grant_that_waits_for_its_own_session_gets_an_error() {
    for ask in [Ask::Token, Ask::Refresh, Ask::NewerThan] {
        let (time, grant) = (ManualTime::new(1), Asking::new(ask));
        let session = stale(&time, &grant);
        time.advance(61 * SECOND);
        assert!(grant.session.set(session.clone()).is_ok());
        let began = time.now().boot;
        let error = time.run(session.token()).unwrap_err();
        assert_names_the_mistake(&error);
        assert_eq!(grant.heard.get(), Some(&ErrorKind::Recursion), "{ask:?}");
        assert_eq!(time.now().boot, began, "it took a time limit to notice");
        assert_eq!(grant.grant.count(), 0);
        assert!(!session.state().refreshing);
    }
}

#[test]
fn a_grant_may_use_the_token_it_renews_while_that_lasts() {
    let (time, grant) = (ManualTime::new(1), Asking::new(Ask::Token));
    let session = stale(&time, &grant);
    assert!(grant.session.set(session.clone()).is_ok());
    assert_eq!(time.run(session.refresh()).unwrap().access().expose(), "access-1");
}

#[test]
fn the_driver_notices_a_grant_that_waits_for_its_own_session() {
    let (time, grant) = (ManualTime::new(1), Asking::new(Ask::Refresh));
    let session = stale(&time, &grant);
    assert!(grant.session.set(session.clone()).is_ok());
    let mut driver = session.driver();
    // A driver lets requests go first when it begins.
    for _ in 0..2 {
        time.advance(29 * SECOND);
        assert!(futures_util::FutureExt::now_or_never(&mut driver).is_none());
    }
    assert_eq!(grant.heard.get(), Some(&ErrorKind::Recursion));
    assert_eq!(time.run(session.token()).unwrap().access().expose(), "access-0");
}

#[test]
fn a_grant_may_wait_for_another_session() {
    let time = ManualTime::new(1);
    let (outer, inner) = (Asking::new(Ask::Token), Asking::new(Ask::Token));
    let (a, b) = (stale(&time, &outer), stale(&time, &inner));
    time.advance(61 * SECOND);
    assert!(outer.session.set(b.clone()).is_ok());
    inner.grant.set_yields(3);
    outer.grant.set_yields(3);
    // Both sessions have waiters of their own besides.
    let (one, other, direct) = time.run(join3(a.token(), a.token(), b.token()));
    assert_eq!(one.unwrap().generation(), other.unwrap().generation());
    assert_eq!(direct.unwrap().access().expose(), "access-1");
    assert_eq!((outer.grant.count(), inner.grant.count()), (1, 1));
    // Being inside another flight has left no mark: the next round works too.
    time.advance(301 * SECOND);
    assert!(time.run(a.token()).is_ok());
    assert_eq!((outer.grant.count(), inner.grant.count()), (2, 2));
}

#[test]
fn two_sessions_that_wait_for_each_other_get_an_error() {
    let time = ManualTime::new(1);
    let (first, second) = (Asking::new(Ask::Token), Asking::new(Ask::Token));
    let (a, b) = (stale(&time, &first), stale(&time, &second));
    time.advance(61 * SECOND);
    assert!(first.session.set(b.clone()).is_ok());
    assert!(second.session.set(a.clone()).is_ok());
    assert_names_the_mistake(&time.run(a.token()).unwrap_err());
    assert_eq!(second.heard.get(), Some(&ErrorKind::Recursion));
    assert_eq!(first.heard.get(), Some(&ErrorKind::Refresh(FailureClass::Config)));
    assert!(!a.state().refreshing && !b.state().refreshing);
}

/// The thread does not know that the task it asks works for the same flight. The limit of the
/// request ends it.
#[test]
fn a_grant_that_waits_for_its_own_session_in_another_task_ends_at_its_limit() {
    let time = ManualTime::new(1);
    let (ask, asked) = channel::unbounded::<channel::Sender<()>>();
    let grant = tokenflight::grant_fn(move |request: TokenRequest| {
        let ask = ask.clone();
        async move {
            request.mark_unsent();
            let (answer, answered) = channel::bounded(1);
            ask.send(answer).await.map_err(|_| GrantError::config("no one left to ask"))?;
            answered.recv().await.map_err(GrantError::not_sent)?;
            Ok(TokenSet::new("access-1"))
        }
    });
    let session = Session::builder(grant).time(time.clone()).request_limit(60 * SECOND).build().unwrap();
    let login = TokenSet::new("access-0").refresh_token("refresh-0").expires_in(60 * SECOND);
    time.run(session.login(login)).unwrap();
    time.advance(61 * SECOND);
    let began = time.now().boot;
    let helper = async {
        let answer = asked.recv().await.unwrap();
        let result = session.token().await;
        let _ = answer.send(()).await;
        result
    };
    let (direct, helped) = time.run(join(session.token(), helper));
    assert_eq!(direct.unwrap_err().class(), Some(FailureClass::NotSent));
    assert_eq!(helped.unwrap_err().class(), Some(FailureClass::NotSent));
    assert_eq!(time.now().boot - began, 60 * SECOND);
}
