//! The phases of a soak, one after the other.

use std::{error::Error, sync::Arc, time::Duration};

use tokenflight::{BoxError, ErrorKind, Event, Grant, Session, Status};
use tokio::task::JoinSet;

use super::{
    FileStore, TokenFile,
    api::{self, Api},
    books::{Books, Seen},
    grace::{self, Grace, Presenter},
    interrupt::Interrupt,
    load::{self, Counts, Tally},
    probe::{self, OldToken},
    progress,
    settings::Settings,
    start::Start,
    tail::{self, Lifetime},
};
use tokenflight_examples::clock::Clock;

/// How long the session may take to shut down: a token request's limit, and the file.
const FAREWELL: Duration = Duration::from_secs(75);

/// The same where the file has failed already. A user who is kept waiting longer might kill the process, which has the only copy.
const SHORT_FAREWELL: Duration = Duration::from_secs(15);

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) counts: Counts,
    /// Before a used refresh token was presented, if that was asked for.
    pub(super) seen: Seen,
    pub(super) alive: Alive,
    pub(super) old_token: OldToken,
    pub(super) lifetime: Lifetime,
    pub(super) grace: Grace,
    /// Why the run ended early.
    pub(super) interrupted: Option<&'static str>,
}

/// Whether the login can still be used.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Alive {
    Yes,
    No(String),
    Unclear(String),
}

/// Everything the phases need.
struct Stage<'a> {
    settings: &'a Settings,
    clock: Clock,
    books: Books,
    interrupt: Interrupt,
    grant: Arc<dyn Grant>,
    session: Session,
    api: Api,
}

/// All phases.
///
/// # Errors
///
/// When there is no session to begin with, or no token that the resource takes.
pub(super) async fn hold(
    settings: &Settings,
    start: Start,
    grant: Arc<dyn Grant>,
    books: Books,
    clock: Clock,
    interrupt: Interrupt,
) -> Result<Outcome, BoxError> {
    let Start { file, tokens } = start;
    let session = session(settings, &grant, &file, &books, &interrupt)?;
    let api = Api::new(settings.resource.clone(), session.clone(), clock)?;
    // This writes the file, with what is in it: whether that is possible must be known before the first refresh.
    session.login(tokens).await.map_err(|error| unusable(&error))?;

    let stage = Stage { settings, clock, books, interrupt, grant, session, api };
    let played = stage.play(&file).await;
    if played.is_err() {
        // Whatever was renewed until then must be in the file.
        let _ = stage.shutdown(&file).await;
    }
    played
}

fn unusable(error: &tokenflight::Error) -> String {
    if *error.kind() != ErrorKind::Store {
        return format!("the login in the token file cannot be used: {}", api::kind(error));
    }
    // What the system says about the file is in the innermost cause.
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    format!("the token file cannot be replaced: {cause}")
}

fn session(
    settings: &Settings,
    grant: &Arc<dyn Grant>,
    file: &Arc<TokenFile>,
    books: &Books,
    interrupt: &Interrupt,
) -> Result<Session, BoxError> {
    let (books, interrupt) = (books.clone(), interrupt.clone());
    let session = Session::builder(Arc::clone(grant))
        .store(FileStore::new(Arc::clone(file)))
        .configure(|policy| policy.skew = settings.skew)
        .on_event(move |event| {
            books.happened(event);
            match event {
                // The newest refresh token is in memory only: no other must follow it.
                Event::Unpersisted { .. } => interrupt.raise("the token file could not be written"),
                // All further requests would fail, and tell nothing.
                Event::Ended { .. } => interrupt.raise("the session ended"),
                _ => {}
            }
        });
    Ok(session.build()?)
}

impl Stage<'_> {
    async fn play(&self, file: &TokenFile) -> Result<Outcome, BoxError> {
        let old_token = probe::old_token(&self.session, &self.api, &self.books, self.clock).await?;
        let counts = self.load().await;
        let mut alive = self.last_refresh().await;
        let token = self.session.token().await.ok();
        // From here on nothing is renewed but by hand.
        let closed = self.shutdown(file).await;
        let mut seen = self.books.read();
        let lifetime = match token {
            Some(token) if self.interrupt.reason().is_none() => {
                let header = token.header().clone();
                let token = tail::Token { header, arrived: seen.arrived, announced: seen.lifetime };
                tail::follow(&token, self.settings.duration, &self.api, self.clock, &self.interrupt).await
            }
            _ => Lifetime::Interrupted,
        };
        let grace = if closed.is_ok() && alive == Alive::Yes { self.grace(file).await } else { Grace::NotAsked };
        match &grace {
            Grace::Answered { session, .. } | Grace::Refused { session, .. } => match session {
                grace::Session::Alive => {}
                grace::Session::Ended => alive = Alive::No("ended by --probe-grace".to_owned()),
                grace::Session::Unclear(words) => alive = Alive::Unclear(words.clone()),
            },
            Grace::Unclear(words) => alive = Alive::Unclear(words.clone()),
            Grace::NotAsked | Grace::NoConsent | Grace::NotRotating => {}
        }
        seen.skew = self.books.read().skew;
        let interrupted = self.interrupt.reason();
        Ok(Outcome { counts, seen, alive, old_token, lifetime, grace, interrupted })
    }

    async fn shutdown(&self, file: &TokenFile) -> Result<(), tokenflight::Error> {
        let limit = if file.is_behind() { SHORT_FAREWELL } else { FAREWELL };
        self.session.shutdown(limit).await
    }

    /// The workers, the driver, and a bar.
    async fn load(&self) -> Counts {
        let tally = Tally::default();
        let mut beside = JoinSet::new();
        beside.spawn(self.session.driver());
        beside.spawn(progress::follow(self.clock, self.settings.duration, tally.clone(), self.books.clone()));
        load::run(self.settings, &self.api, &tally, self.clock, &self.interrupt).await;
        // A flight is the session's, not the driver's: it goes on below.
        beside.shutdown().await;
        tally.read()
    }

    /// Nothing else proves that the refresh token in the file is good. After an interrupt there is no time for it.
    async fn last_refresh(&self) -> Alive {
        if self.interrupt.reason().is_some() {
            return match self.session.state().status {
                Status::Over(error) => Alive::No(api::kind(&error)),
                _ => Alive::Yes,
            };
        }
        match self.session.refresh().await {
            Ok(_) => Alive::Yes,
            Err(error) if error.needs_login() => Alive::No(api::kind(&error)),
            Err(error) => Alive::Unclear(api::kind(&error)),
        }
    }

    async fn grace(&self, file: &TokenFile) -> Grace {
        match self.settings.probe_grace {
            Some(_) if !self.settings.consent => Grace::NoConsent,
            Some(after) if self.interrupt.reason().is_none() => {
                let presenter = Presenter { grant: &*self.grant, file, clock: self.clock };
                presenter.probe(after, &self.interrupt).await
            }
            _ => Grace::NotAsked,
        }
    }
}
