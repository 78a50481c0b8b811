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
    BearerBody, HttpService, Replay, attempt,
    call::{Kept, Sent, Shared},
};
use crate::sync::Arc;

/// What the cold path comes to.
type Answer<R> = Result<Response<BearerBody<R>>, BoxError>;

pin_project! {
    /// The response to come.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the request. A refresh it waited for, or had caused, goes on.
    pub struct BearerFuture<S, K, B>
    where
        S: HttpService<K::Body>,
        K: Replay<B>,
    {
        #[pin]
        state: State<S, K, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, K, B>
    where
        S: HttpService<K::Body>,
        K: Replay<B>,
    {
        // Sent without a token of ours.
        Plain { #[pin] future: S::Future },
        // Sent with the token at hand. No box: this is the way of nearly every request.
        First { #[pin] future: S::Future, first: Option<First<S, K, K::Kept>> },
        // Waiting for a token, or for the answer to a replay.
        Cold { future: BoxFuture<'static, Answer<S::ResponseBody>> },
    }
}

/// What is needed if the first send is refused.
struct First<S, K, C> {
    shared: Arc<Shared<S, K>>,
    kept: Option<Kept<C>>,
    sent: Sent,
    watched: bool,
}

impl<S, K, B> BearerFuture<S, K, B>
where
    S: HttpService<K::Body>,
    K: Replay<B>,
{
    #[inline]
    pub(super) const fn plain(future: S::Future) -> Self {
        Self { state: State::Plain { future } }
    }

    #[inline]
    pub(super) const fn first(
        future: S::Future,
        shared: Arc<Shared<S, K>>,
        kept: Option<Kept<K::Kept>>,
        sent: Sent,
        watched: bool,
    ) -> Self {
        Self { state: State::First { future, first: Some(First { shared, kept, sent, watched }) } }
    }

    pub(super) const fn cold(future: BoxFuture<'static, Answer<S::ResponseBody>>) -> Self {
        Self { state: State::Cold { future } }
    }
}

impl<S, K, B> Future for BearerFuture<S, K, B>
where
    S: HttpService<K::Body>,
    K: Replay<B>,
    B: Send + 'static,
{
    type Output = Answer<S::ResponseBody>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            let cold = match state.as_mut().project() {
                StateProj::Plain { future } => {
                    return future.poll(cx).map(|result| Ok(result.map_err(Into::into)?.map(BearerBody::whole)));
                }
                StateProj::Cold { future } => return future.as_mut().poll(cx),
                StateProj::First { future, first } => {
                    let response = ready!(future.poll(cx)).map_err(Into::into)?;
                    // Polled again after the end: there is nothing left to do but to hand the response on.
                    let Some(first) = first.take() else { return Poll::Ready(Ok(response.map(BearerBody::whole))) };
                    match first.shared.settle(response, first.sent, first.watched) {
                        Ok(response) => return Poll::Ready(Ok(response)),
                        Err(refusal) => {
                            Box::pin(attempt::refused::<S, K, B>(first.shared, first.kept, first.sent, refusal))
                        }
                    }
                }
            };
            // The first future goes with its state, before anything is waited for.
            state.set(State::Cold { future: cold });
        }
    }
}

impl<S, K, B> fmt::Debug for BearerFuture<S, K, B>
where
    S: HttpService<K::Body>,
    K: Replay<B>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.state {
            State::Plain { .. } => "BearerFuture(plain)",
            State::First { .. } => "BearerFuture(first)",
            State::Cold { .. } => "BearerFuture(cold)",
        })
    }
}
