//! What is right and what is wrong, written down while it happens.

use std::{
    collections::{HashMap, HashSet},
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokenflight::{
    BoxFuture, FailureClass, Grant, GrantError, Reason, Record, RefreshToken, Session, Status, TokenRequest, TokenSet,
};
use tokenflight_test::{AuthServer, ManualTime, auth::AuthGrant};

use super::executor::Inbox;

/// Everything that is known about the tokens of one simulation, and what was seen to be wrong.
#[derive(Default)]
pub(crate) struct Judge {
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    presented: HashMap<String, Presented>,
    /// Which refresh token came with an access token, and when, on the boot clock.
    pairs: HashMap<String, (String, Duration)>,
    under_way: u32,
    submissions: u64,
    replays: u64,
    unstored: u64,
    wrong: Vec<String>,
    stored: Option<Record>,
}

struct Presented {
    by: usize,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    UnderWay,
    Answered,
    /// The refresh token was provably left alone.
    Untouched,
    /// Nobody knows.
    Doubt,
    Refused,
}

impl Judge {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn wrong(&self, what: String) {
        self.book().wrong.push(what);
    }

    /// What was wrong, each thing once.
    pub(crate) fn verdict(&self) -> Vec<String> {
        let mut wrong = std::mem::take(&mut self.book().wrong);
        let mut seen = HashSet::new();
        wrong.retain(|what| seen.insert(what.clone()));
        wrong.truncate(8);
        wrong
    }

    /// Submissions, and those that presented a token of unknown state once more.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let book = self.book();
        (book.submissions, book.replays)
    }

    pub(crate) fn requests_under_way(&self) -> u32 {
        self.book().under_way
    }

    pub(crate) fn issued(&self, set: &TokenSet, at: Duration) {
        if let Some(refresh) = set.refresh() {
            self.book().pairs.insert(set.access().expose().to_owned(), (refresh.expose().to_owned(), at));
        }
    }

    pub(crate) fn issued_at(&self, access: &str) -> Option<Duration> {
        self.book().pairs.get(access).map(|(_, at)| *at)
    }

    /// I-02, I-08, R-153.
    pub(crate) fn stored(&self, record: Option<Record>) {
        let mut book = self.book();
        let Some(new) = record else { return };
        if let Some(tokens) = new.tokens() {
            let mate = book.pairs.get(tokens.access.expose()).map(|(refresh, _)| refresh.as_str());
            if mate != tokens.refresh.as_ref().map(RefreshToken::expose) {
                book.wrong.push("the store holds tokens of two answers".to_owned());
            }
        }
        if let Some(old) = &book.stored
            && (new.epoch < old.epoch || new.generation < old.generation)
        {
            let what = format!(
                "the store went back from {} {} to {} {}",
                old.epoch, old.generation, new.epoch, new.generation
            );
            book.wrong.push(what);
        }
        book.stored = Some(new);
    }

    /// A refresh token is about to be presented.
    fn presents(&self, process: usize, token: &str, reason: Reason, usable: bool) {
        let mut book = self.book();
        book.submissions += 1;
        book.under_way += 1;
        let before = book.presented.insert(token.to_owned(), Presented { by: process, outcome: Outcome::UnderWay });
        let Some(Presented { by, outcome }) = before else { return };
        match outcome {
            Outcome::UnderWay | Outcome::Answered | Outcome::Refused => {
                book.wrong.push(format!("process {process} presents what process {by} has presented: {outcome:?}"));
            }
            Outcome::Untouched => {}
            Outcome::Doubt => {
                book.replays += 1;
                // R-215; a user of another process may insist.
                if usable && !(reason == Reason::Forced && by != process) {
                    book.wrong.push(format!("process {process} replays ({reason:?}) while the access token is usable"));
                }
            }
        }
    }

    /// A process died. What it alone knew is unknown now: whether what it had presented was answered.
    pub(crate) fn died(&self) {
        let mut book = self.book();
        let stored = book.stored.as_ref().and_then(Record::tokens).and_then(|tokens| tokens.refresh.clone());
        let Some(stored) = stored else { return };
        let Some(presented) = book.presented.get_mut(stored.expose()) else { return };
        // A tombstone that could not be set is forgotten too; the server will say it again.
        if matches!(presented.outcome, Outcome::Answered | Outcome::Refused) {
            let answered = std::mem::replace(&mut presented.outcome, Outcome::Doubt) == Outcome::Answered;
            book.unstored += u64::from(answered);
        }
    }

    /// Rotations that were lost with their process before they were stored, without the server's knowledge.
    pub(crate) fn unstored(&self) -> u64 {
        self.book().unstored
    }

    fn settled(&self, token: &str, outcome: Outcome) {
        let mut book = self.book();
        book.under_way -= 1;
        if let Some(presented) = book.presented.get_mut(token) {
            presented.outcome = outcome;
        }
    }
}

/// The authorization server as one process sees it, with the judge beside the wire.
pub(crate) struct Watched {
    pub(crate) judge: Arc<Judge>,
    pub(crate) grant: AuthGrant,
    pub(crate) process: usize,
    /// Emptied at the end: the session owns the grant.
    pub(crate) session: Arc<Mutex<Option<Session>>>,
    inbox: Inbox,
    time: ManualTime,
}

impl Watched {
    pub(crate) fn new(judge: &Arc<Judge>, auth: &AuthServer, process: usize, inbox: Inbox, time: ManualTime) -> Self {
        Self { judge: Arc::clone(judge), grant: auth.grant(), process, session: Arc::default(), inbox, time }
    }

    /// Whether a request of this epoch competes with an access token that can be used.
    fn usable(&self, request: &TokenRequest) -> bool {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let state = session.map(|session| session.state());
        state.is_some_and(|state| matches!(state.status, Status::Usable) && state.epoch == request.epoch())
    }
}

impl Grant for Watched {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async move {
            let token = request.refresh_token().map_or("", RefreshToken::expose);
            self.judge.presents(self.process, token, request.reason(), self.usable(request));
            // Dropped without an answer: nobody knows.
            let mut left = Left { judge: &self.judge, token, outcome: Outcome::Doubt };
            let result = Wire::open(self, request).await;
            left.outcome = match &result {
                Ok(set) => {
                    self.judge.issued(set, self.time.now().boot);
                    Outcome::Answered
                }
                Err(error) => match error.class() {
                    FailureClass::Ambiguous => Outcome::Doubt,
                    FailureClass::Terminal => Outcome::Refused,
                    _ => Outcome::Untouched,
                },
            };
            result
        })
    }

    fn revoke<'a>(&'a self, token: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        self.grant.revoke(token)
    }
}

struct Left<'a> {
    judge: &'a Judge,
    token: &'a str,
    outcome: Outcome,
}

impl Drop for Left<'_> {
    fn drop(&mut self) {
        self.judge.settled(self.token, self.outcome);
    }
}

/// A request on its way. A server does not stand still because its client is not being polled; it is told when its client
/// goes away.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Ends>>);

#[derive(Default)]
struct Ends {
    work: Option<BoxFuture<'static, ()>>,
    answer: Option<Result<TokenSet, GrantError>>,
    client: Option<Waker>,
}

struct Client {
    wire: Wire,
    judge: Arc<Judge>,
}

impl Wire {
    fn open(watched: &Watched, request: &TokenRequest) -> Client {
        let wire = Self::default();
        let (grant, request, end) = (watched.grant.clone(), request.clone(), wire.clone());
        let work = async move {
            let answer = grant.request(&request).await;
            let mut ends = end.ends();
            ends.answer = Some(answer);
            let client = ends.client.take();
            drop(ends);
            client.into_iter().for_each(Waker::wake);
        };
        wire.ends().work = Some(Box::pin(work));
        let server = wire.clone();
        let serve = poll_fn(move |cx| {
            // Taken out, because the work locks the wire when it is done.
            let Some(mut work) = server.ends().work.take() else { return Poll::Ready(()) };
            let polled = work.as_mut().poll(cx);
            if polled.is_pending() {
                server.ends().work = Some(work);
            }
            polled
        });
        watched.inbox.lock().unwrap_or_else(PoisonError::into_inner).push(Box::pin(serve));
        Client { wire, judge: Arc::clone(&watched.judge) }
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for Client {
    type Output = Result<TokenSet, GrantError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut ends = self.wire.ends();
        ends.client = Some(cx.waker().clone());
        ends.answer.take().map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let mut ends = self.wire.ends();
        let (work, unread) = (ends.work.take(), matches!(ends.answer, Some(Ok(_))));
        drop(ends);
        drop(work);
        // To the server it was delivered.
        self.judge.book().unstored += u64::from(unread);
    }
}
