//! The cold path: wait for a token, send, judge, replay. Read it from top to bottom.
//!
//! # Cancel safety
//!
//! At every await point it holds the request and, while it sends, one service of its own; never a lock, never a flight.

use std::{
    future::{Future, poll_fn},
    marker::PhantomData,
    pin::{Pin, pin},
};

use futures_util::future::{OptionFuture, join};
use http::{Request, Response};
use tokenflight_core::{BoxError, Error, ErrorKind, machine::OriginId};

use super::{
    BearerBody, HttpService, Replay,
    attach::attach,
    call::{Kept, Sent, Shared},
    refusal,
};
use crate::{
    flight::Join,
    session::{Ask, Supply, Token},
    sync::Arc,
};

type Answer<R> = Result<Response<BearerBody<R>>, BoxError>;

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
    let (token, beside) = shared.session.inner.obtain(Ask::Usable).await?;
    let (request, kept) = shared.prepare(request);
    let attempt = Attempt::new(shared, kept, origin);
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
    Attempt::new(shared, kept, sent.origin).judge(response, sent).await
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
    const fn new(shared: Arc<Shared<S, K>>, kept: Option<Kept<K::Kept>>, origin: OriginId) -> Self {
        Self { line: Line { shared, origin }, kept, replays: 0, body: PhantomData }
    }

    /// Judges a response, and sends the request again if that may help.
    async fn judge(mut self, mut response: Response<S::ResponseBody>, mut sent: Sent) -> Answer<S::ResponseBody> {
        let session = Arc::clone(&self.line.shared.session.inner);
        loop {
            if !refusal::refused(&response) {
                if refusal::accepted(&response) {
                    session.accepted(self.line.origin);
                }
                return Ok(response.map(BearerBody::whole));
            }
            if !refusal::curable(&response) {
                return Ok(response.map(BearerBody::whole));
            }
            let ask = sent.refused(self.replays);
            // Asked at once, so that the token is known to be refused even if this request cannot be sent again.
            let (flight, beside) = match session.ask(&ask) {
                Supply::Refused(error) => return Ok(explained(response.map(BearerBody::whole), error)),
                Supply::Join(flight) => (Some(flight), None),
                Supply::Token { beside, .. } => (None, beside),
                Supply::Later(_) => (None, None),
            };
            let Some(request) = self.kept.as_ref().and_then(|kept| kept.again::<B, K>(&self.line.shared.replay)) else {
                return Ok(response.map(BearerBody::whole));
            };
            // The refused response is let go before anything is waited for: it may hold what the refresh or the replay
            // needs.
            let (head, body) = response.into_parts();
            let time = Arc::clone(&session.parts.time);
            let (landed, body) = join(OptionFuture::from(flight), with(beside, BearerBody::kept(body, time))).await;
            let original = Response::from_parts(head, body);
            // What the flight brought is for this request, whatever the session would say by now: a token may have a
            // lifetime of zero, and a failure that is asked about again may cost another token request.
            let supplied = match landed {
                Some(Ok(Some(token))) if sent.precedes(&token) => Ok((token, None)),
                Some(Err(error)) => Err(error),
                _ => session.obtain(ask).await,
            };
            let (token, beside) = match supplied {
                Ok(supplied) => supplied,
                Err(error) => return Ok(explained(original, error)),
            };
            self.replays = self.replays.saturating_add(1);
            (response, sent) = match self.line.send(request, token, beside).await {
                Ok(answered) => answered,
                Err(Failure::Ours(error)) => return Ok(explained(original, error)),
                Err(Failure::Inner(error)) => return Err(error),
            };
        }
    }
}

impl<S, K> Line<S, K> {
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
        let call = async {
            poll_fn(|cx| service.poll_ready(cx)).await.map_err(|error| Failure::Inner(error.into()))?;
            let token = self.newest(token).map_err(Failure::Ours)?;
            let sent = Sent { epoch: token.epoch(), generation: token.generation(), origin: self.origin };
            attach(&mut request, token.header().clone());
            let response = service.call(request).await.map_err(|error| Failure::Inner(error.into()))?;
            Ok((response, sent))
        };
        with(beside, call).await
    }

    /// The token to send now, given the one that was obtained before the service was ready: a newer one of the same
    /// login if there is one, and none of another login (C-24).
    fn newest(&self, token: Token) -> Result<Token, Error> {
        let session = &self.shared.session.inner;
        if session.epoch() != token.epoch() {
            return Err(Error::new(ErrorKind::SessionChanged));
        }
        // A token that has just expired may still be the one this request waited for.
        Ok(session.usable_now().filter(|newest| newest.epoch() == token.epoch()).unwrap_or(token))
    }
}

/// The response with the reason why it is not another one.
fn explained<R>(mut response: Response<R>, error: Error) -> Response<R> {
    response.extensions_mut().insert(error);
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
