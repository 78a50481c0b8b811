//! The cold path: wait for a token, send, judge, replay. Read it from top to bottom.
//!
//! # Cancel safety
//!
//! At every await point it holds the request and, while it sends, one service of its own; never a lock, never a flight.

use std::{
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{OptionFuture, join};
use http::{Request, Response, header::AUTHORIZATION, response::Parts};
use http_body::Body;
use tokenflight_core::{BoxError, Error};
use tokenflight_machine::OriginId;

use super::{
    BearerBody, BearerOptions, HttpService, Replay,
    call::{Kept, Sent, Settled, Shared},
    limit::Limit,
    refusal::{self, Cure},
    stray::Stray,
};
use crate::{
    flight::{Cargo, Join},
    session::{Ask, Supply, Token},
    sync::Arc,
    time::Deadline,
};

type Answer<R> = Result<Response<BearerBody<R>>, BoxError>;
/// What was kept of a refusal, the newer token, and perhaps a flight that nobody else keeps moving.
type Renewed<R> = (Response<BearerBody<R>>, Token, Option<Join>);

/// A request that has no token yet.
pub(super) async fn wait<S, K, B>(
    shared: Arc<Shared<S, K>>,
    request: Request<B>,
    origin: OriginId,
) -> Answer<S::ResponseBody>
where
    S: HttpService<K::Body>,
    K: Replay<B>,
{
    let options = shared.options_of(&request);
    let mut limit = Limit::of(request.headers(), &options, &*shared.session().parts.time);
    let (token, beside) = {
        let session = shared.session();
        let ask = options.lasting().map_or(Ask::Usable, Ask::Lasting);
        limit.within(&session.parts.time, pin!(session.obtain(ask))).await??
    };
    let (request, kept) = keep::<S, K, B>(&shared, request, &options);
    let attempt = Attempt::new(shared, kept, origin, limit);
    let (response, sent) = match attempt.line.send(request, token, beside).await {
        Ok(answered) => answered,
        Err(Failure::Ours(error)) => return Err(error.into()),
        Err(Failure::Inner(error)) => return Err(error),
    };
    match attempt.line.passed(response, sent) {
        Ok(response) => Ok(response),
        // Boxed, because a token that was waited for is seldom refused.
        Err(refusal) => Box::pin(attempt.judge(refusal, sent)).await,
    }
}

/// What a replay needs of a request, and the request to send.
fn keep<S, K, B>(
    shared: &Shared<S, K>,
    request: Request<B>,
    options: &BearerOptions,
) -> (Request<K::Body>, Option<Kept<K::Kept>>)
where
    K: Replay<B>,
{
    let (mut spare, mut body) = (None, None);
    shared.read(&request, options, &mut spare);
    let request = match &spare {
        Some(_) => shared.settings.replay.keep(request, &mut body),
        None => shared.settings.replay.pass(request),
    };
    (request, Kept::new(spare, body))
}

/// A request whose first send was answered with 401.
pub(super) fn refused<S, K, B>(
    shared: Arc<Shared<S, K>>,
    kept: Option<Kept<K::Kept>>,
    sent: Sent,
    response: Response<S::ResponseBody>,
) -> impl Future<Output = Answer<S::ResponseBody>>
where
    S: HttpService<K::Body>,
    K: Replay<B>,
{
    let limit = kept.as_ref().map_or_else(Limit::default, Kept::limit);
    Attempt::new(shared, kept, sent.origin, limit).judge(response, sent)
}

/// One request on the cold path.
struct Attempt<S, K: Replay<B>, B> {
    line: Line<S, K>,
    kept: Option<Kept<K::Kept>>,
    replays: u8,
    body: PhantomData<fn(B)>,
}

/// The way to the server.
struct Line<S, K> {
    shared: Arc<Shared<S, K>>,
    origin: OriginId,
    limit: Limit,
}

/// What stands between a refusal and the replay.
struct Wait {
    ask: Ask,
    flight: Option<Join>,
    /// A flight that nobody else may keep moving.
    beside: Option<Join>,
    /// For how long the server asked to be left alone.
    pause: Duration,
}

/// Why there is no response.
enum Failure {
    Ours(Error),
    Inner(BoxError),
}

impl<S, K, B> Attempt<S, K, B>
where
    S: HttpService<K::Body>,
    K: Replay<B>,
{
    const fn new(shared: Arc<Shared<S, K>>, kept: Option<Kept<K::Kept>>, origin: OriginId, limit: Limit) -> Self {
        Self { line: Line { shared, origin, limit }, kept, replays: 0, body: PhantomData }
    }

    /// Judges a refusal, and sends the request again if that may help.
    // An `async fn` would keep its arguments twice, and there may be very many who wait.
    #[expect(clippy::manual_async_fn)]
    fn judge(
        mut self,
        mut refusal: Response<S::ResponseBody>,
        mut sent: Sent,
    ) -> impl Future<Output = Answer<S::ResponseBody>> {
        async move {
            loop {
                let pause = match refusal::cure(&refusal) {
                    Cure::None(challenge) => return Ok(explained(refusal.map(BearerBody::whole), challenge)),
                    Cure::Refresh => None,
                    Cure::Replay(pause) => Some(pause),
                };
                // Asked at once, so that the token is known to be refused even if this request cannot be sent again.
                let mut ask = sent.refused(self.replays);
                let (flight, beside) = match self.line.ask(&mut ask) {
                    Supply::Refused(error) => return Ok(explained(refusal.map(BearerBody::whole), error)),
                    Supply::Join { flight, .. } => (Some(flight), None),
                    Supply::Token { beside, .. } => (None, beside),
                    Supply::Later(_) => (None, None),
                };
                let (Some(pause), Some(body)) = (pause, self.body()) else {
                    return Ok(refusal.map(BearerBody::whole));
                };
                let wait = Wait { ask, flight, beside, pause };
                let (head, refused_body) = refusal.into_parts();
                let (original, token, beside) = match self.line.renew(head, refused_body, sent, wait).await {
                    Ok(renewed) => renewed,
                    Err((original, error)) => return Ok(explained(original, error)),
                };
                self.replays = self.replays.saturating_add(1);
                let Some(request) = self.kept.as_ref().map(|kept| kept.request(body)) else { return Ok(original) };
                let (response, carried) = match self.line.send(request, token, beside).await {
                    Ok(answered) => answered,
                    Err(Failure::Ours(error)) => return Ok(explained(original, error)),
                    Err(Failure::Inner(error)) => return Err(error),
                };
                match self.line.passed(response, carried) {
                    Ok(response) => return Ok(response),
                    Err(again) => (refusal, sent) = (again, carried),
                }
            }
        }
    }

    /// The body to send again, if there is one.
    fn body(&self) -> Option<K::Body> {
        self.kept.as_ref()?.body::<B, K>(&self.line.shared.settings.replay)
    }
}

impl<S, K> Line<S, K> {
    fn ask(&self, ask: &mut Ask) -> Supply {
        let session = self.shared.session();
        session.ask(ask, session.parts.time.now())
    }

    /// The response for the caller, unless it is a refusal.
    fn passed<R: Body>(&self, response: Response<R>, sent: Sent) -> Result<Response<BearerBody<R>>, Response<R>> {
        match self.shared.settle(&response, sent, true) {
            Settled::Done => Ok(response.map(BearerBody::whole)),
            Settled::Begun(watch) => Ok(response.map(|body| BearerBody::new(body, Some(watch)))),
            Settled::Refused => Err(response),
        }
    }

    /// Lets the refused response go before anything is waited for: it may hold what the refresh or the replay needs
    /// . Then waits for a newer token, and for the time the server asked to be left alone. Gives back what was kept
    /// of the refusal.
    // Not an `async fn`, as above.
    #[expect(clippy::manual_async_fn)]
    fn renew<R: Body>(
        &self,
        head: Parts,
        body: R,
        sent: Sent,
        wait: Wait,
    ) -> impl Future<Output = Result<Renewed<R>, (Response<BearerBody<R>>, Error)>> {
        async move {
            let mut kept = None;
            let supplied = {
                let supply = pin!(self.supply(body, sent, wait, &mut kept));
                let mut limit = self.limit;
                limit.within(&self.shared.session().parts.time, supply).await
            };
            let original = Response::from_parts(head, kept.unwrap_or_else(BearerBody::empty));
            match supplied.and_then(|supplied| supplied) {
                Ok((token, beside)) => Ok((original, token, beside)),
                Err(error) => Err((original, error)),
            }
        }
    }

    /// Waits for a newer token and for what is kept of the refusal's body.
    // Not an `async fn`, as above.
    #[expect(clippy::manual_async_fn)]
    fn supply<R: Body>(
        &self,
        body: R,
        sent: Sent,
        wait: Wait,
        kept: &mut Option<BearerBody<R>>,
    ) -> impl Future<Output = Result<(Token, Option<Join>), Error>> {
        async move {
            let session = self.shared.session();
            let time = &session.parts.time;
            let Wait { ask, flight, beside, pause } = wait;
            let resume = (!pause.is_zero()).then(|| Box::pin(Deadline::after(Arc::clone(time), pause)));
            let landed = {
                let mut beside = beside;
                let read = pin!(BearerBody::kept(body, Arc::clone(time)));
                let (landed, read) = join(OptionFuture::from(flight), with(&mut beside, read)).await;
                *kept = Some(read);
                landed
            };
            // What the flight brought is for this request, whatever the session would say by now: a token may have a
            // lifetime of zero, and a failure that is asked about again may cost another token request.
            let supplied = match landed {
                Some(Ok(Some(Cargo { token, .. }))) if sent.precedes(&token) => (token, None),
                Some(Err(error)) => return Err(error),
                _ => session.obtain(ask).await?,
            };
            OptionFuture::from(resume).await;
            Ok(supplied)
        }
    }

    /// Readies a service of its own, attaches what is current then (C-47), and sends.
    // Not an `async fn`, as above.
    #[expect(clippy::manual_async_fn)]
    fn send<B>(
        &self,
        mut request: Request<B>,
        token: Token,
        mut beside: Option<Join>,
    ) -> impl Future<Output = Result<(Response<S::ResponseBody>, Sent), Failure>>
    where
        S: HttpService<B>,
    {
        async move {
            let session = self.shared.session();
            let time = &session.parts.time;
            let mut service = self.shared.fresh();
            {
                let mut stray = Stray::default();
                let ready = poll_fn(|cx| stray.poll_ready(&mut service, session, cx));
                let mut limit = self.limit;
                let ready = pin!(limit.within(time, ready));
                let ready = with(&mut beside, ready).await.map_err(Failure::Ours)?;
                ready.map_err(|error| Failure::Inner(error.into()))?;
            }
            let token = session.newest_of(token).map_err(Failure::Ours)?;
            let sent = Sent { epoch: token.epoch(), generation: token.generation(), origin: self.origin };
            self.limit.shrink(request.headers_mut(), &**time).map_err(Failure::Ours)?;
            request.headers_mut().insert(AUTHORIZATION, token.header().clone());
            // The request first: what flies beside may bring the next token, and this one must be out by then (C-47).
            let mut answer = pin!(service.call(request));
            let answer = poll_fn(|cx| match answer.as_mut().poll(cx) {
                Poll::Pending => {
                    keep_moving(&mut beside, cx);
                    Poll::Pending
                }
                ready => ready,
            });
            let response = answer.await.map_err(|error| Failure::Inner(error.into()))?;
            Ok((response, sent))
        }
    }
}

/// The response with the reason why it is not another one: our error, or what the server asks for.
fn explained<R, T: Clone + Send + Sync + 'static>(mut response: Response<R>, reason: T) -> Response<R> {
    response.extensions_mut().insert(reason);
    response
}

/// Does the work, and keeps a flight moving beside it that perhaps nobody else does.
fn with<F: Future + Unpin>(beside: &mut Option<Join>, mut work: F) -> impl Future<Output = F::Output> {
    poll_fn(move |cx| {
        keep_moving(beside, cx);
        Pin::new(&mut work).poll(cx)
    })
}

fn keep_moving(beside: &mut Option<Join>, cx: &mut Context<'_>) {
    if beside.as_mut().is_some_and(|flight| Pin::new(flight).poll(cx).is_ready()) {
        *beside = None;
    }
}
