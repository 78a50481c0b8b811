use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Response;
use pin_project_lite::pin_project;
use tokenflight_core::{BoxError, BoxFuture};

use super::{
    BearerBody, Choice, CloneService, HttpService, NoToken, Replay, attempt,
    call::{KeptRequest, Settled, Shared},
    refusal::{AlsoRefused, Look, look},
    sent::Sent,
};
use crate::{session::Session, sync::Arc};

/// What the cold path comes to.
type Answer<R> = Result<Response<BearerBody<R>>, BoxError>;

pin_project! {
    /// The response to come.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the request. A refresh it waited for, or had caused, goes on.
    pub struct BearerFuture<S, K, B, P = Session>
    where
        S: HttpService<K::Body>,
        K: Replay<B>,
        P: Choice,
    {
        #[pin]
        state: State<S, K, B, P>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, K, B, P>
    where
        S: HttpService<K::Body>,
        K: Replay<B>,
        P: Choice,
    {
        // Sent without a token of ours. A refusal says why.
        Plain { #[pin] future: S::Future, why: NoToken, also: AlsoRefused },
        // Sent with the token at hand. No box: this is the way of nearly every request. Its parts are used where they are,
        // and not moved out.
        First {
            #[pin]
            future: S::Future,
            shared: Arc<Shared<S, K, P>>,
            kept: Option<KeptRequest<K::Kept>>,
            sent: Sent,
            chosen: P::Chosen,
        },
        // Waiting for a token, or for the answer to a replay.
        Cold { future: BoxFuture<'static, Answer<S::ResponseBody>> },
    }
}

impl<S, K, B, P> BearerFuture<S, K, B, P>
where
    S: HttpService<K::Body>,
    K: Replay<B>,
    P: Choice,
{
    #[inline]
    pub(super) const fn plain(future: S::Future, why: NoToken, also: AlsoRefused) -> Self {
        Self { state: State::Plain { future, why, also } }
    }

    #[inline]
    pub(super) const fn first(
        future: S::Future,
        shared: Arc<Shared<S, K, P>>,
        kept: Option<KeptRequest<K::Kept>>,
        sent: Sent,
        chosen: P::Chosen,
    ) -> Self {
        Self { state: State::First { future, shared, kept, sent, chosen } }
    }

    pub(super) const fn cold(future: BoxFuture<'static, Answer<S::ResponseBody>>) -> Self {
        Self { state: State::Cold { future } }
    }
}

impl<S, K, B, P> Future for BearerFuture<S, K, B, P>
where
    S: HttpService<K::Body> + CloneService,
    K: Replay<B>,
    B: Send + 'static,
    P: Choice,
{
    type Output = Answer<S::ResponseBody>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.as_mut().project().state.project() {
            StateProj::First { future, shared, kept, sent, chosen } => {
                let mut response = match ready!(future.poll(cx)) {
                    Ok(response) => response,
                    Err(error) => return Poll::Ready(Err(error.into())),
                };
                let settled = shared.settle(&response, *sent, chosen);
                if matches!(settled, Settled::Refused) {
                    let cold = refused::<S, K, B, P>(shared, response, *sent, kept.take(), chosen);
                    // The first future goes with its state, before anything is waited for.
                    self.as_mut().project().state.set(State::Cold { future: cold });
                    return self.poll(cx);
                }
                // Gone before the response is read: a recording is of no use any more.
                forget(kept);
                let watch = settled.told(&mut response);
                Poll::Ready(Ok(response.map(|body| BearerBody::new(body, watch))))
            }
            StateProj::Plain { future, why, also } => future.poll(cx).map(|result| {
                let mut response = result.map_err(Into::into)?;
                if matches!(look(&response, also), Look::Refused) {
                    response.extensions_mut().insert(*why);
                }
                Ok(response.map(BearerBody::whole))
            }),
            StateProj::Cold { future } => future.as_mut().poll(cx),
        }
    }
}

/// Lets go of what a replay would need, if there is anything.
#[inline]
fn forget<C>(kept: &mut Option<KeptRequest<C>>) {
    if kept.is_some() {
        *kept = None;
    }
}

/// What happens after a refusal. Not inlined, so that the way past it is short.
#[cold]
#[inline(never)]
fn refused<S, K, B, P>(
    shared: &Arc<Shared<S, K, P>>,
    refusal: Response<S::ResponseBody>,
    sent: Sent,
    kept: Option<KeptRequest<K::Kept>>,
    chosen: &P::Chosen,
) -> BoxFuture<'static, Answer<S::ResponseBody>>
where
    S: HttpService<K::Body> + CloneService,
    K: Replay<B>,
    B: Send + 'static,
    P: Choice,
{
    Box::pin(attempt::refused::<S, K, B, P>(Arc::clone(shared), refusal, sent, kept, chosen.clone()))
}

impl<S, K, B, P> fmt::Debug for BearerFuture<S, K, B, P>
where
    S: HttpService<K::Body>,
    K: Replay<B>,
    P: Choice,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.state {
            State::Plain { .. } => "BearerFuture(plain)",
            State::First { .. } => "BearerFuture(first)",
            State::Cold { .. } => "BearerFuture(cold)",
        })
    }
}
