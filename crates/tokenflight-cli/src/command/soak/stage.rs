//! The phases of a soak, one after the other.

use std::{sync::Arc, time::Duration};

use http::Uri;
use tokenflight::{Event, Grant, Session, Status};
use tokio::task::JoinSet;

use super::{
    alive::Alive,
    api::{self, Api},
    books::{Books, Seen, Watched, Wire},
    grace::{self, Grace},
    interrupt::Interrupt,
    load::{self, Counts, Tally},
    probe::{self, OldToken},
    tail::{self, Lifetime},
};
use crate::{
    args::Soak,
    clock,
    config::Profile,
    problem::Problem,
    server,
    terminal::{Line, say},
    token::{Kept, session_builder},
};

/// How long the session may take to shut down: a token request's limit, and the store.
const END_LIMIT: Duration = Duration::from_secs(75);

/// The same where the store has failed already. A person who waits longer might kill the process,
/// which has the only copy.
const SHORT_END_LIMIT: Duration = Duration::from_secs(10);

/// How often the line on a terminal moves.
const BEAT: Duration = Duration::from_millis(200);

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
    /// Whether the store has all that the server sent.
    pub(super) stored: Result<(), Problem>,
}

/// Everything the phases need.
struct Stage<'a> {
    profile: &'a Profile,
    asked: &'a Soak,
    books: Books,
    interrupt: Interrupt,
    session: Session,
    api: Api,
}

/// All phases.
///
/// # Errors
///
/// When there is no session to begin with, or no token that the resource takes.
pub(super) async fn hold(profile: &Profile, asked: &Soak, uri: Uri) -> Result<Outcome, Problem> {
    let (interrupt, books) = (Interrupt::listening()?, Books::default());
    let endpoint = server::endpoint_over(profile, |client| Wire::new(client, books.clone()));
    let endpoint = interrupt.unless(endpoint).await.map_err(Problem::later)??;
    let grant = Kept::new(Watched::new(endpoint.refresh_token(), books.clone()));
    let session = session(profile, asked, Arc::clone(&grant), &books, &interrupt)?;
    let api = Api::new(uri, session.clone())?;
    let stage = Stage { profile, asked, books, interrupt, session, api };
    let played = stage.play(&*grant).await;
    // Whatever was renewed until then must be stored; its failure is told by what is not.
    let behind = stage.books.read().behind;
    let _ = stage.session.shutdown(if behind { SHORT_END_LIMIT } else { END_LIMIT }).await;
    let stored = grant.rescue(profile);
    match played {
        Ok(outcome) => Ok(Outcome { stored, ..outcome }),
        Err(problem) => stored.and(Err(problem)),
    }
}

fn session(
    profile: &Profile,
    asked: &Soak,
    grant: impl Grant,
    books: &Books,
    interrupt: &Interrupt,
) -> Result<Session, Problem> {
    let (books, interrupt, skew) = (books.clone(), interrupt.clone(), asked.skew);
    let session = session_builder(profile, grant).configure(|policy| policy.skew = skew).on_event(move |event| {
        books.happened(event);
        match event {
            // The newest refresh token is in memory only: no other must follow it.
            Event::Unpersisted { .. } => interrupt.raise("the new tokens could not be stored"),
            // All further requests would fail, and tell nothing.
            Event::Ended { .. } => interrupt.raise("the session ended"),
            _ => {}
        }
    });
    session.build().map_err(|error| Problem::usage(format!("--skew: {error}")))
}

impl Stage<'_> {
    async fn play(&self, grant: &dyn Grant) -> Result<Outcome, Problem> {
        let old_token = probe::old_token(self.profile, &self.session, &self.api, &self.books).await?;
        let counts = self.load().await;
        let mut alive = self.last_refresh().await;
        let mut seen = self.books.read();
        let lifetime = match self.session.token().await {
            Ok(token) if self.interrupt.reason().is_none() => {
                let header = token.header().clone();
                let token = tail::Token { header, arrived: seen.arrived, announced: seen.lifetime };
                tail::follow(&token, self.asked.duration, &self.api, &self.interrupt).await
            }
            _ => Lifetime::Interrupted,
        };
        let interrupted = self.interrupt.reason();
        let grace = match self.asked.probe_grace {
            Some(after) if interrupted.is_none() && alive == Alive::Yes => {
                let probe = grace::Probe { profile: self.profile, session: &self.session, grant };
                probe.run(after, &self.interrupt).await
            }
            _ => Grace::NotAsked,
        };
        alive = grace.alive().unwrap_or(alive);
        seen.skew = self.books.read().skew;
        Ok(Outcome { counts, seen, alive, old_token, lifetime, grace, interrupted, stored: Ok(()) })
    }

    /// The workers, the driver, and a line that moves.
    async fn load(&self) -> Counts {
        let (tally, length) = (Tally::default(), self.asked.duration);
        let (workers, length_in_words) = (self.asked.workers, clock::words(length));
        say(&format!("{workers} workers for {length_in_words}. Ctrl-C ends them, and no refresh."));
        let mut beside = JoinSet::new();
        beside.spawn(self.session.driver());
        let end = clock::boot().saturating_add(length);
        let mut working = std::pin::pin!(load::run(self.asked, &self.api, &tally, end, &self.interrupt));
        let mut line = Line::waiting("");
        loop {
            tokio::select! {
                biased;
                () = &mut working => break,
                () = clock::sleep(BEAT) => {
                    line.change(words(&tally.read(), &self.books.read()));
                    line.show(Some(end.saturating_sub(clock::boot())));
                }
            }
        }
        // A flight is the session's, not the driver's: it goes on below.
        beside.shutdown().await;
        tally.read()
    }

    /// Nothing else proves the stored refresh token good. An interrupt leaves no time for it.
    async fn last_refresh(&self) -> Alive {
        if self.interrupt.reason().is_some() {
            return match self.session.state().status {
                Status::Over(error) | Status::Ending(error) => Alive::No(api::kind(&error)),
                _ => Alive::Yes,
            };
        }
        Alive::after(self.session.refresh().await, api::kind)
    }
}

fn words(counts: &Counts, seen: &Seen) -> String {
    let Counts { requests, cancelled, unauthorized, .. } = counts;
    let (failed, refreshes) = (counts.failed(), seen.refreshes);
    format!("{requests} requests, {cancelled} cancelled, {unauthorized} 401s, {failed} failed, {refreshes} refreshes")
}
