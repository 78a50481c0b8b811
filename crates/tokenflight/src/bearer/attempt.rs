//! The cold path: wait for a token, send, judge, replay. Read it from top to bottom.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{
    FutureExt,
    future::{OptionFuture, join3},
};
use http::{Request, Response, header::AUTHORIZATION};
use tokenflight_core::{BoxError, Error};
use tokenflight_machine::OriginId;

use super::{
    BearerBody, Choice, CloneService, HttpService, Replay, Resend,
    call::{KeptRequest, Shared},
    challenge::Meaning,
    limit::Limit,
    readiness::Readiness,
    refusal::{self, Reaction},
    sent::Sent,
};
use crate::{
    flights::Carry,
    session::{Ask, Token},
    slot::Inner,
    sync::Arc,
    telemetry::{self, Replayed, Signal, Timer, Trigger},
    time::Deadline,
};

/// How long the rest of a body is waited for that is to be sent again, and of which only the size is known; unless the caller
/// says how long its request may be held.
const REST_TIME: Duration = Duration::from_secs(10);

type Answer<R> = Result<Response<BearerBody<R>>, BoxError>;

/// A request that has no token yet, and goes to this origin: what it asks for, and how long it may be held.
///
/// # Cancel safety
///
/// At every await point it holds the request and, while it sends, one service of its own; never a lock, never a flight.
// An `async fn` would keep its arguments twice, and there may be very many who wait. What is needed seldom is boxed.
#[expect(clippy::manual_async_fn)]
pub(super) fn waiting<S, K, B, P>(
    shared: Arc<Shared<S, K, P>>,
    request: Request<B>,
    origin: OriginId,
    chosen: P::Chosen,
    mut ask: Ask,
    mut limit: Limit,
) -> impl Future<Output = Answer<S::ResponseBody>> + Send
where
    S: HttpService<K::Body> + CloneService,
    K: Replay<B>,
    B: Send + 'static,
    P: Choice,
{
    async move {
        let session = shared.session(&chosen);
        let time = &session.parts.time;
        let timer = session.parts.timer();
        let waited = limit.within(time, pin!(session.obtain(&mut ask))).await;
        let obtained = waited.unwrap_or_else(|late| match session.make_do(&ask) {
            Some(token) => Ok((token, None)),
            None => Err(late),
        });
        let obtained = tell_waited(session, timer, obtained)?;
        let (request, mut kept) = keep(&shared, request, &chosen);
        let (refusal, sent) = match send(&shared, request, obtained, origin, &chosen, &mut limit).await {
            Ok((response, sent)) => match shared.settle(&response, sent, &chosen).passed(response) {
                Ok(response) => return Ok(response),
                Err(refusal) => (refusal, sent),
            },
            Err(Failure::Ours(error)) => return Err(error.into()),
            Err(Failure::Inner(error)) => return Err(error),
        };
        if let Some(kept) = &mut kept {
            // All its waits are counted together.
            kept.copied.limit = limit;
        }
        Box::pin(refused(Arc::clone(&shared), refusal, sent, kept, chosen.clone())).await
    }
}

/// The request to send, and what a replay of it needs.
fn keep<S, K, B, P>(
    shared: &Shared<S, K, P>,
    request: Request<B>,
    chosen: &P::Chosen,
) -> (Request<K::Body>, Option<KeptRequest<K::Kept>>)
where
    K: Replay<B>,
    P: Choice,
{
    let mut copied = None;
    shared.copy(&request, false, chosen, &shared.options_of(&request), &mut copied);
    if copied.is_none() {
        return (shared.settings.replay.pass(request), None);
    }
    let (request, body) = shared.settings.replay.keep(request);
    (request, KeptRequest::new(copied, body))
}

/// A request that was sent and refused, and what is kept of it unless it is not to be sent again. Cancel safe as
/// [`waiting`].
// Not an `async fn`, as above.
pub(super) fn refused<S, K, B, P>(
    shared: Arc<Shared<S, K, P>>,
    refusal: Response<S::ResponseBody>,
    mut sent: Sent,
    mut kept: Option<KeptRequest<K::Kept>>,
    chosen: P::Chosen,
) -> impl Future<Output = Answer<S::ResponseBody>> + Send
where
    S: HttpService<K::Body> + CloneService,
    K: Replay<B>,
    P: Choice,
{
    let mut refusal = refusal.map(BearerBody::whole);
    async move {
        let session = shared.session(&chosen);
        let time = &session.parts.time;
        let mut replays = 0;
        loop {
            let trigger = refusal::trigger(refusal.status(), refusal.headers());
            // In a block, so that no more is kept during the wait than what it results in.
            let (again, KeptRequest { copied, body: source }, resume) = {
                let pause = match refusal::reaction(&refusal, &shared.settings.also_refused) {
                    Reaction::None(challenge) => {
                        tell_refused(session, sent, trigger, challenge.meaning(), telemetry::Replay::Unwanted);
                        return Ok(explained(refusal, challenge));
                    }
                    Reaction::Refresh => None,
                    Reaction::Replay(pause) => Some(pause),
                };
                // Asked at once, so that the token is known to be refused even if this request cannot be sent again.
                let hopeless = sent.note(session, replays);
                let again = match (pause, &mut kept) {
                    // What is not ready is polled again at once.
                    (Some(_), Some(kept)) => {
                        shared.settings.replay.poll_again(&mut kept.body, &mut Context::from_waker(Waker::noop()))
                    }
                    _ => Poll::Ready(None),
                };
                let whole = kept.is_some() && !matches!(again, Poll::Ready(None));
                let replay = telemetry::Replay::judged(hopeless.as_ref(), pause.is_some(), whole);
                tell_refused(session, sent, trigger, Meaning::Refresh, replay);
                match (hopeless, pause, &mut kept, &again) {
                    (Some(error), ..) => return Ok(explained(refusal, error)),
                    (None, Some(pause), Some(kept), Poll::Pending | Poll::Ready(Some(_))) => {
                        let resume = (!pause.is_zero()).then(|| Box::pin(Deadline::after(Arc::clone(time), pause)));
                        (again, kept, resume)
                    }
                    _ => return Ok(refusal),
                }
            };
            // The refusal is let go of before anything is waited for: it may hold what the refresh or the replay needs.
            let left = refusal.body_mut().let_go();
            let reading = left.map(|(body, kept)| Box::pin(kept.read(body, Arc::clone(time))));
            let rest = again.is_pending().then(|| {
                let rest = poll_fn(|cx| shared.settings.replay.poll_again(source, cx));
                let longest = copied.limit.of_caller().map_or(REST_TIME, |_| Duration::MAX);
                Box::pin(Deadline::after(Arc::clone(time), longest).limit(rest))
            });
            copied.head.shrink();
            let newer = session.obtain(sent.refused(replays));
            let waits = join3(newer, OptionFuture::from(reading), OptionFuture::from(rest));
            let timer = session.parts.timer();
            let waited = copied.limit.within(time, pin!(waits)).await;
            let (mut obtained, rest) = match tell_waited(session, timer, waited.and_then(|(s, _, rest)| Ok((s?, rest))))
            {
                Ok(obtained) => obtained,
                Err(error) => return Ok(explained(BearerBody::handed_on(refusal), error)),
            };
            let ((Poll::Ready(Some(body)), _) | (_, Some(Ok(Some(body))))) = (again, rest) else {
                return Ok(BearerBody::handed_on(refusal));
            };
            if let Some(resume) = resume {
                let resumed = copied.limit.within(time, with(&mut obtained.1, resume)).await;
                if let Err(error) = resumed.and_then(|resumed| resumed.map_err(Error::from)) {
                    return Ok(explained(BearerBody::handed_on(refusal), error));
                }
            }
            replays = u8::saturating_add(replays, 1);
            let mut request = copied.head.rebuild(body, shared.settings.rules.origins.of_id(sent.origin));
            request.extensions_mut().insert(Resend(replays.into()));
            let answered = send(&shared, request, obtained, sent.origin, &chosen, &mut copied.limit).await;
            let told = move |outcome| session.parts.signal(|| Signal::Replayed { count: replays, trigger, outcome });
            let (response, again) = match answered {
                Ok(answered) => answered,
                Err(Failure::Ours(error)) => return Ok(explained(BearerBody::handed_on(refusal), error)),
                Err(Failure::Inner(error)) => {
                    told(Replayed::Failed);
                    return Err(error);
                }
            };
            match shared.settle(&response, again, &chosen).passed(response) {
                Ok(response) => {
                    told(Replayed::Accepted);
                    session.accepted(sent.origin);
                    return Ok(response);
                }
                Err(another) => {
                    told(Replayed::Refused);
                    (refusal, sent) = (another.map(BearerBody::whole), again);
                }
            }
        }
    }
}

// Functions, and no closures: what a closure borrows, a future keeps to the end.

/// Tells what a request was refused with, and whether it is to be sent again.
fn tell_refused(session: &Inner, sent: Sent, trigger: Trigger, meaning: Meaning, replay: telemetry::Replay) {
    session.parts.signal(|| Signal::refused(trigger, meaning, sent.generation, replay));
}

/// Tells how a wait has ended.
fn tell_waited<T>(session: &Inner, timer: Timer, obtained: Result<T, Error>) -> Result<T, Error> {
    session.parts.signal(|| Signal::waited(session.parts.since(timer), obtained.as_ref().err()));
    obtained
}

/// A response, and which token its request had.
type Sending<R> = Result<(Response<R>, Sent), Failure>;

/// Why there is no response.
enum Failure {
    Ours(Error),
    Inner(BoxError),
}

/// Readies a service of its own, because the one that was ready for the caller went back; attaches what is current then, and
/// sends. In a box of its own, which those who wait need not make room for.
fn send<S, K, T, P>(
    shared: &Shared<S, K, P>,
    mut request: Request<T>,
    (token, mut beside): (Token, Option<Box<Carry>>),
    origin: OriginId,
    chosen: &P::Chosen,
    limit: &mut Limit,
) -> Pin<Box<impl Future<Output = Sending<S::ResponseBody>> + Send>>
where
    S: HttpService<T> + CloneService,
    K: Send + Sync,
    T: Send + 'static,
    P: Choice,
{
    Box::pin(async move {
        let session = shared.session(chosen);
        let time = &session.parts.time;
        let ready = pin!(async {
            let mut service = poll_fn(|cx| shared.template.poll_clone(cx)).await;
            let mut readiness = Readiness::default();
            let ready = poll_fn(|cx| readiness.poll_ready(&mut service, Some(session), cx)).await;
            ready.map(|()| service)
        });
        let ready = limit.within(time, pin!(with(&mut beside, ready))).await.map_err(Failure::Ours)?;
        let mut service = ready.map_err(|error| Failure::Inner(error.into()))?;
        let token = session.newest_of(token, origin).map_err(Failure::Ours)?;
        shared.settings.choice.confirm(chosen, request.extensions()).map_err(Failure::Ours)?;
        limit.shrink(request.headers_mut(), &**time).map_err(Failure::Ours)?;
        request.headers_mut().insert(AUTHORIZATION, token.header().clone());
        let sent = Sent { login: token.login(), generation: token.generation(), origin };
        let answer = pin!(service.call(request));
        let response = with(&mut beside, answer).await;
        // However fast the answer, what flies beside it is moved on by each request.
        let _ = beside.and_then(FutureExt::now_or_never);
        let response = response.map_err(|error| Failure::Inner(error.into()))?;
        Ok((response, sent))
    })
}

/// Does the work, and keeps a flight moving beside it that perhaps nothing else does. The work first: what flies beside it may
/// bring the next token, and a request must be out with this one by then.
fn with<F: Future + Unpin>(beside: &mut Option<Box<Carry>>, mut work: F) -> impl Future<Output = F::Output> {
    poll_fn(move |cx| {
        let polled = Pin::new(&mut work).poll(cx);
        if polled.is_pending() && beside.as_mut().is_some_and(|flight| Pin::new(flight).poll(cx).is_ready()) {
            *beside = None;
        }
        polled
    })
}

/// The response with the reason why it is not another one: our error, or what the server asks for.
fn explained<R, T: Clone + Send + Sync + 'static>(mut response: Response<R>, reason: T) -> Response<R> {
    response.extensions_mut().insert(reason);
    response
}
