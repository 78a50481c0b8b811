use std::{
    collections::VecDeque,
    fmt,
    future::{Future, pending, poll_fn},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
    time::Duration,
};

use tokenflight_core::{
    BoxFuture, Generation, Grant, GrantError, LoginId, RefreshToken, TokenSet,
    grant::{Reason, TokenRequest},
};

use super::{
    Fate, Gate,
    journal::{Journal, Ticket},
};
use crate::lock::lock;

/// What a [`MockGrant`] does with one call.
#[derive(Debug)]
#[non_exhaustive]
pub enum Step {
    /// Answers with this.
    Answer(TokenSet),
    /// Answers with the next pair, numbered.
    Next,
    /// Answers with the same token set as the last time.
    SameAgain,
    /// Fails with this.
    Fail(GrantError),
    /// Panics before the request is marked sent.
    PanicUnsent,
    /// Panics after the request was marked sent.
    PanicSent,
    /// Never answers, before the request is marked sent.
    HangUnsent,
    /// Never answers, after the request was marked sent.
    HangSent,
}

impl From<Result<TokenSet, GrantError>> for Step {
    fn from(result: Result<TokenSet, GrantError>) -> Self {
        match result {
            Ok(set) => Self::Answer(set),
            Err(error) => Self::Fail(error),
        }
    }
}

/// One call to a [`MockGrant`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// Why it was made.
    pub reason: Reason,
    /// The login its result would belong to.
    pub login: LoginId,
    /// The generation it was to replace.
    pub generation: Generation,
    /// What became of it.
    pub fate: Fate,
    presented: Option<RefreshToken>,
}

impl Call {
    /// The refresh token that was presented. A secret; `Debug` does not show it.
    #[must_use]
    pub const fn presented(&self) -> Option<&RefreshToken> {
        self.presented.as_ref()
    }
}

/// A [`Grant`] that does what the script says. Cloning shares it.
///
/// A call without a script entry answers `access-1` and `refresh-1`, then `access-2` and
/// `refresh-2`, and so on, good for five minutes. Every call marks its request unsent, then sent,
/// and then passes the [gate](Self::gate).
///
/// ```
/// use futures_util::FutureExt;
/// use tokenflight_core::{Grant, GrantError, grant::{Reason, TokenRequest}};
/// use tokenflight_test::{MockGrant, mock::{Fate, Step}};
///
/// let grant = MockGrant::new();
/// grant.push(Step::Fail(GrantError::throttled(None)));
/// let request = TokenRequest::new(None, Reason::Due);
/// assert!(grant.request(&request).now_or_never().unwrap().is_err());
///
/// grant.gate().close();
/// assert!(grant.request(&request).now_or_never().is_none());
/// assert_eq!(grant.calls().iter().map(|call| call.fate).collect::<Vec<_>>(), [Fate::Failed, Fate::Dropped]);
/// ```
#[derive(Clone)]
pub struct MockGrant(Arc<Inner>);

struct Inner {
    script: Mutex<Script>,
    journal: Journal<Call>,
    gate: Gate,
    polls: AtomicUsize,
    yields: AtomicUsize,
    needs_refresh_token: bool,
}

struct Script {
    steps: VecDeque<Step>,
    lifetime: Option<Duration>,
    issued: u64,
    last: Option<TokenSet>,
}

impl Default for MockGrant {
    fn default() -> Self {
        Self::new()
    }
}

impl MockGrant {
    /// A grant with an empty script and an open gate, for sessions with refresh tokens.
    #[must_use]
    pub fn new() -> Self {
        Self::make(true)
    }

    /// The same for a grant that needs no refresh token: [`Step::Next`] answers without one.
    #[must_use]
    pub fn without_refresh_token() -> Self {
        Self::make(false)
    }

    fn make(needs_refresh_token: bool) -> Self {
        let lifetime = Some(Duration::from_secs(300));
        let script = Script { steps: VecDeque::new(), lifetime, issued: 0, last: None };
        Self(Arc::new(Inner {
            script: Mutex::new(script),
            journal: Journal::default(),
            gate: Gate::new(),
            polls: AtomicUsize::new(0),
            yields: AtomicUsize::new(0),
            needs_refresh_token,
        }))
    }

    /// The lifetime of numbered answers from now on; `None` leaves it out.
    pub fn set_lifetime(&self, lifetime: Option<Duration>) {
        lock(&self.0.script).lifetime = lifetime;
    }

    /// From now on every call wakes itself this many times before it passes the gate.
    pub fn set_yields(&self, yields: usize) {
        self.0.yields.store(yields, Ordering::Relaxed);
    }

    /// Says what the next unscripted call does.
    pub fn push(&self, step: impl Into<Step>) {
        lock(&self.0.script).steps.push_back(step.into());
    }

    /// Where calls wait, after the request was marked sent.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// Every call that was ever polled, in order.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.0.journal.map(|(call, fate)| Call { fate: *fate, ..call.clone() })
    }

    /// How many calls have begun.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.journal.len()
    }

    /// How often calls have been polled, all together.
    #[must_use]
    pub fn polls(&self) -> usize {
        self.0.polls.load(Ordering::Relaxed)
    }

    /// The refresh tokens that were presented, in order.
    #[must_use]
    pub fn presented(&self) -> Vec<RefreshToken> {
        self.0.journal.map(|(call, _)| call.presented.clone()).into_iter().flatten().collect()
    }

    async fn play(&self, request: &TokenRequest) -> Result<TokenSet, GrantError> {
        let ticket = self.0.journal.begin(Call {
            reason: request.reason(),
            login: request.login(),
            generation: request.generation(),
            fate: Fate::Running,
            presented: request.refresh_token().cloned(),
        });
        let step = lock(&self.0.script).steps.pop_front().unwrap_or(Step::Next);
        request.mark_unsent();
        match step {
            Step::PanicUnsent => panic_as_scripted(&ticket),
            Step::HangUnsent => pending::<()>().await,
            _ => {}
        }
        request.mark_sent();
        for _ in 0..self.0.yields.load(Ordering::Relaxed) {
            yield_now().await;
        }
        self.0.gate.pass().await;
        match step {
            Step::PanicSent => panic_as_scripted(&ticket),
            Step::HangSent => pending::<()>().await,
            _ => {}
        }
        let result = lock(&self.0.script).answer(step, self.0.needs_refresh_token);
        ticket.settle(if result.is_ok() { Fate::Succeeded } else { Fate::Failed });
        result
    }
}

impl Script {
    fn answer(&mut self, step: Step, with_refresh: bool) -> Result<TokenSet, GrantError> {
        let set = match (step, &self.last) {
            (Step::Fail(error), _) => return Err(error),
            (Step::Answer(set), _) => set,
            (Step::SameAgain, Some(last)) => last.clone(),
            _ => self.next(with_refresh),
        };
        self.last = Some(set.clone());
        Ok(set)
    }

    fn next(&mut self, with_refresh: bool) -> TokenSet {
        self.issued += 1;
        let mut set = TokenSet::new(format!("access-{}", self.issued));
        if with_refresh {
            set = set.refresh_token(format!("refresh-{}", self.issued));
        }
        match self.lifetime {
            Some(lifetime) => set.expires_in(lifetime),
            None => set,
        }
    }
}

fn panic_as_scripted(ticket: &Ticket<'_, Call>) -> ! {
    ticket.settle(Fate::Panicked);
    panic!("the script of the mock grant says panic");
}

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl fmt::Debug for MockGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MockGrant").field("calls", &self.count()).field("gate", &self.0.gate).finish_non_exhaustive()
    }
}

impl Grant for MockGrant {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        let mut play = Box::pin(self.play(request));
        Box::pin(poll_fn(move |cx| {
            self.0.polls.fetch_add(1, Ordering::Relaxed);
            play.as_mut().poll(cx)
        }))
    }

    fn needs_refresh_token(&self) -> bool {
        self.0.needs_refresh_token
    }
}
