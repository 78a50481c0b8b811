//! The authorization server as a process sees it; grants and listeners that use their own session.

use std::task::Poll;

use tokenflight::{Grant, GrantError, TokenRequest};
use tokenflight_test::auth::AuthGrant;

use super::{judge::Outcome, people::Act};
use crate::prelude::*;

/// The process a grant or a listener belongs to. Emptied at its end, because its session owns them.
#[derive(Clone, Default)]
pub(crate) struct Home(Arc<Mutex<Option<Process>>>);

impl Home {
    pub(crate) fn set(&self, process: Option<Process>) {
        let old = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), process);
        // With nothing locked: the last handle tells a listener that it goes.
        drop(old);
    }

    fn get(&self) -> Option<Process> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// User code that now and then uses the session it is called by.
pub(crate) struct Actor {
    pub(crate) home: Home,
    knobs: Arc<Knobs>,
    /// How often, of 256 times.
    share: u8,
    random: Mutex<fastrand::Rng>,
}

impl Actor {
    pub(crate) fn new(home: &Home, knobs: &Arc<Knobs>, share: u8, random: fastrand::Rng) -> Self {
        Self { home: home.clone(), knobs: Arc::clone(knobs), share, random: Mutex::new(random) }
    }

    /// What it does now.
    fn draw(&self, [logs_out, asks, shuts_down]: [Knob; 3]) -> Option<BoxFuture<'static, ()>> {
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let (acts, which) = (random.u8(..) < self.share, random.u8(..));
        drop(random);
        let process = self.home.get().filter(|_| acts)?;
        let (knob, act) = match which {
            0..90 => (logs_out, Act::LogOut),
            90..200 => (asks, Act::Ask),
            _ => (shuts_down, Act::ShutDown),
        };
        self.knobs.fire(knob).then(|| -> BoxFuture<'static, ()> { Box::pin(process.act(act)) })
    }
}

pub(crate) struct Listening {
    pub(crate) process: usize,
    pub(crate) judge: Arc<Judge>,
    pub(crate) actor: Actor,
    pub(crate) inbox: Inbox,
}

impl Listening {
    pub(crate) fn hear(&self, event: &Event) {
        let current = self.actor.home.get().map(|process| process.session.state().login);
        self.judge.told(self.process, event, current.unwrap_or_default());
        let knobs = [Knob::ListenerLogsOut, Knob::ListenerAsks, Knob::ListenerShutsDown];
        let Some(mut work) = self.actor.draw(knobs) else { return };
        // It begins right here, inside the listener.
        if work.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            self.inbox.leave(Left { name: "what a listener does", kind: Kind::Firm, work });
        }
    }
}

/// The authorization server as one process sees it, with the judge beside the wire.
pub(crate) struct Watched {
    judge: Arc<Judge>,
    grant: AuthGrant,
    process: usize,
    actor: Actor,
    inbox: Inbox,
    time: ManualTime,
}

impl Watched {
    pub(crate) fn new(
        judge: &Arc<Judge>,
        auth: &AuthServer,
        process: usize,
        actor: Actor,
        inbox: Inbox,
        time: ManualTime,
    ) -> Self {
        Self { judge: Arc::clone(judge), grant: auth.grant(), process, actor, inbox, time }
    }

    /// Whether a request of this login competes with an access token that can be used.
    fn usable(&self, request: &TokenRequest) -> bool {
        let state = self.actor.home.get().map(|process| process.session.state());
        state.is_some_and(|state| matches!(state.status, Status::Usable) && state.login == request.login())
    }

    async fn act(&self) {
        let act = self.actor.draw([Knob::GrantLogsOut, Knob::GrantAsks, Knob::GrantShutsDown]);
        if let Some(act) = act {
            act.await;
        }
    }
}

impl Grant for Watched {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async move {
            let token = request.refresh_token().map_or("", RefreshToken::expose);
            self.judge.presents(self.process, token, request.reason(), self.usable(request));
            // Dropped without an answer: it is not known.
            let mut left = Leaving { judge: &self.judge, token, outcome: Outcome::Doubt, unread: false };
            let result = Wire::open(self, request).await;
            left.unread = result.is_ok();
            self.act().await;
            left.unread = false;
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

struct Leaving<'a> {
    judge: &'a Judge,
    token: &'a str,
    outcome: Outcome,
    /// The answer has come, and the session has not seen it.
    unread: bool,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if self.unread {
            self.judge.lost();
        }
        self.judge.settled(self.token, self.outcome);
    }
}

/// A request on its way. A server does not stand still because its client is not being polled; it
/// is told when its client goes away.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Ends>>);

#[derive(Default)]
struct Ends {
    work: Option<BoxFuture<'static, ()>>,
    answer: Option<Result<TokenSet, GrantError>>,
    client: Option<Waker>,
}

/// Gone with the process, whatever its client holds on to.
struct Serving(Wire);

impl Drop for Serving {
    fn drop(&mut self) {
        let work = self.0.ends().work.take();
        drop(work);
    }
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
        let server = Serving(wire.clone());
        let serve = poll_fn(move |cx| {
            // Taken out, because the work locks the wire when it is done.
            let Some(mut work) = server.0.ends().work.take() else { return Poll::Ready(()) };
            let polled = work.as_mut().poll(cx);
            if polled.is_pending() {
                server.0.ends().work = Some(work);
            }
            polled
        });
        watched.inbox.leave(Left { name: "a server", kind: Kind::Peer, work: Box::pin(serve) });
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
        if unread {
            self.judge.lost();
        }
    }
}
