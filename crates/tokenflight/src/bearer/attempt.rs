//! The cold path: wait for a token, send, judge, replay. Read it from top to bottom.
//!
//! # Cancel safety
//!
//! At every await point it holds the request and, while it sends, one service of its own; never a lock, never a flight.

use std::{
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::{Pin, pin},
    time::Duration,
};

use futures_util::future::{OptionFuture, join};
use http::{Request, Response};
use http_body::Body;
use tokenflight_core::{BoxError, Error, machine::OriginId};

use super::{
    BearerBody, HttpService, Replay,
    attach::attach,
    call::{Kept, Sent, Settled, Shared},
    limit::Limit,
    refusal::{self, Cure},
    stray::Stray,
};
use crate::{
    flight::{Cargo, Deadline, Join},
    session::{Ask, Supply, Token},
    sync::Arc,
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
    let options = *shared.options_of(&request);
    let time = Arc::clone(&shared.session.inner.parts.time);
    let limit = Limit::of(request.headers(), &options, &*time);
    let ask = options.lasting().map_or(Ask::Usable, Ask::Lasting);
    let (token, beside) = limit.within(&time, shared.session.inner.obtain(ask)).await??;
    let (mut spare, mut body) = (None, None);
    shared.read(&request, &options, &mut spare);
    let request = match &spare {
        Some(_) => shared.replay.keep(request, &mut body),
        None => shared.replay.pass(request),
    };
    let kept = Kept::new(spare, body);
    let attempt = Attempt::new(shared, kept, origin, limit);
    let (response, sent) = match attempt.line.send(request, token, beside).await {
        Ok(answered) => answered,
        Err(Failure::Ours(error)) => return Err(error.into()),
        Err(Failure::Inner(error)) => return Err(error),
    };
    attempt.judge(response, sent).await
}

/// A request whose first send was answered with 401.
pub(super) async fn refused<S, K, B>(
    shared: Arc<Shared<S, K>>,
    kept: Option<Kept<K::Kept>>,
    sent: Sent,
    response: Response<S::ResponseBody>,
) -> Answer<S::ResponseBody>
where
    S: HttpService<K::Body>,
    K: Replay<B>,
{
    let limit = kept.as_ref().map_or_else(Limit::default, Kept::limit);
    Attempt::new(shared, kept, sent.origin, limit).judge(response, sent).await
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

    /// Judges a response, and sends the request again if that may help.
    async fn judge(mut self, mut response: Response<S::ResponseBody>, mut sent: Sent) -> Answer<S::ResponseBody> {
        let session = Arc::clone(&self.line.shared.session.inner);
        loop {
            match self.line.shared.settle(&response, sent, true) {
                Settled::Done => return Ok(response.map(BearerBody::whole)),
                Settled::Begun(watch) => return Ok(response.map(|body| BearerBody::new(body, Some(watch)))),
                Settled::Refused => {}
            }
            let refusal = response;
            let pause = match refusal::cure(&refusal) {
                Cure::None(challenge) => return Ok(explained(refusal.map(BearerBody::whole), challenge)),
                Cure::Refresh => None,
                Cure::Replay(pause) => Some(pause),
            };
            let mut ask = sent.refused(self.replays);
            // Asked at once, so that the token is known to be refused even if this request cannot be sent again.
            let (flight, beside) = match session.ask(&mut ask, session.parts.time.now()) {
                Supply::Refused(error) => return Ok(explained(refusal.map(BearerBody::whole), error)),
                Supply::Join { flight, .. } => (Some(flight), None),
                Supply::Token { beside, .. } => (None, beside),
                Supply::Later(_) => (None, None),
            };
            let (Some(pause), Some(request)) = (pause, self.again()) else {
                return Ok(refusal.map(BearerBody::whole));
            };
            let wait = Wait { flight, beside, pause };
            let (original, token, beside) = match self.line.renew(refusal, sent, ask, wait).await {
                Ok(renewed) => renewed,
                Err((original, error)) => return Ok(explained(original, error)),
            };
            self.replays = self.replays.saturating_add(1);
            (response, sent) = match self.line.send(request, token, beside).await {
                Ok(answered) => answered,
                Err(Failure::Ours(error)) => return Ok(explained(original, error)),
                Err(Failure::Inner(error)) => return Err(error),
            };
        }
    }

    fn again(&self) -> Option<Request<K::Body>> {
        self.kept.as_ref()?.again::<B, K>(&self.line.shared.replay)
    }
}

impl<S, K> Line<S, K> {
    /// Lets the refused response go before anything is waited for: it may hold what the refresh or the replay needs
    /// . Then waits for a newer token, and for the time the server asked to be left alone. Gives back what was kept
    /// of the refusal.
    async fn renew<R: Body>(
        &self,
        refusal: Response<R>,
        sent: Sent,
        ask: Ask,
        wait: Wait,
    ) -> Result<Renewed<R>, (Response<BearerBody<R>>, Error)> {
        let Wait { flight, beside, pause } = wait;
        let session = &self.shared.session.inner;
        let time = &session.parts.time;
        let (head, body) = refusal.into_parts();
        let resume = (!pause.is_zero()).then(|| Deadline::after(Arc::clone(time), pause));
        let mut kept = None;
        let supply = async {
            let work = join(OptionFuture::from(flight), with(beside, BearerBody::kept(body, Arc::clone(time))));
            let (landed, body) = work.await;
            kept = Some(body);
            // What the flight brought is for this request, whatever the session would say by now: a token may have a
            // lifetime of zero, and a failure that is asked about again may cost another token request.
            let supplied = match landed {
                Some(Ok(Some(Cargo { token, .. }))) if sent.precedes(&token) => (token, None),
                Some(Err(error)) => return Err(error),
                _ => session.obtain(ask).await?,
            };
            OptionFuture::from(resume).await;
            Ok(supplied)
        };
        let supplied = self.limit.within(time, supply).await;
        let original = Response::from_parts(head, kept.unwrap_or_else(BearerBody::empty));
        match supplied.and_then(|supplied| supplied) {
            Ok((token, beside)) => Ok((original, token, beside)),
            Err(error) => Err((original, error)),
        }
    }

    /// Readies a service of its own, attaches what is current then (C-47), and sends.
    async fn send<B>(
        &self,
        mut request: Request<B>,
        token: Token,
        beside: Option<Join>,
    ) -> Result<(Response<S::ResponseBody>, Sent), Failure>
    where
        S: HttpService<B>,
    {
        let mut service = self.shared.fresh();
        let time = &self.shared.session.inner.parts.time;
        let call = async {
            let mut stray = Stray::default();
            let ready = poll_fn(|cx| stray.poll_ready(&mut service, &self.shared.session.inner, cx));
            let ready = self.limit.within(time, ready).await.map_err(Failure::Ours)?;
            ready.map_err(|error| Failure::Inner(error.into()))?;
            let token = self.shared.session.inner.newest_of(token).map_err(Failure::Ours)?;
            let sent = Sent { epoch: token.epoch(), generation: token.generation(), origin: self.origin };
            self.limit.shrink(request.headers_mut(), &**time).map_err(Failure::Ours)?;
            attach(&mut request, token.header().clone());
            let response = service.call(request).await.map_err(|error| Failure::Inner(error.into()))?;
            Ok((response, sent))
        };
        with(beside, call).await
    }
}

/// The response with the reason why it is not another one: our error, or what the server asks for.
fn explained<R, T: Clone + Send + Sync + 'static>(mut response: Response<R>, reason: T) -> Response<R> {
    response.extensions_mut().insert(reason);
    response
}

/// Does the work, and keeps a flight moving beside it that perhaps nobody else does.
async fn with<F: Future>(mut beside: Option<Join>, work: F) -> F::Output {
    let mut work = pin!(work);
    poll_fn(|cx| {
        if beside.as_mut().is_some_and(|flight| Pin::new(flight).poll(cx).is_ready()) {
            beside = None;
        }
        work.as_mut().poll(cx)
    })
    .await
}
