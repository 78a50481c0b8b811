use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use tokenflight_core::{BoxError, BoxFuture, Error};

use super::{
    BearerBody, Choice, CloneService, HttpService, NoToken, Replay, attempt,
    body::{Refused, judged},
    call::{KeptRequest, Shared},
    challenge::Challenge,
    refusal::{AlsoRefused, Verdict, inspect},
    send::answer_beside,
    sent::Sent,
};
use crate::{flights::Carries, sync::Arc};

/// What a call comes to.
pub(super) type Answer<R> = Result<Response<BearerBody<R>>, BoxError>;

pin_project! {
    /// The response to come: of the inner future, of what is known of the call, and with this body.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the request. A refresh it waited for, or had caused, is carried on by the
    /// driver or another waiter; without either it stands still until the next call.
    // Generic over the parts it holds, not over the service. Otherwise, where a task awaits it, the
    // compiler must prove `Send` for boxed errors and bodies with *any* lifetime in place of
    // `'static`, and cannot.
    pub struct BearerFuture<F, C, R>
    where
        R: Body,
    {
        #[pin]
        state: State<F, C, R>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<F, C, R>
    where
        R: Body,
    {
        // Sent without a token of ours. A refusal says why.
        Plain { #[pin] future: F, why: NoToken, also: AlsoRefused },
        // Sent with the token at hand. No box: this is the way of nearly every request. Its parts
        // are used where they are, and not moved out.
        First { #[pin] future: F, call: C },
        // Waiting for a token, or for the answer to a replay.
        Cold { future: BoxFuture<'static, Answer<R>> },
    }
}

impl<F, C, R: Body> BearerFuture<F, C, R> {
    #[inline]
    pub(super) const fn plain(future: F, why: NoToken, also: AlsoRefused) -> Self {
        Self { state: State::Plain { future, why, also } }
    }

    #[inline]
    pub(super) const fn first(future: F, call: C) -> Self {
        Self { state: State::First { future, call } }
    }

    /// Sent with a token, beside work that perhaps no other task keeps moving. In a box: seldom.
    pub(super) fn beside<E>(future: F, beside: Box<Carries>, mut call: C) -> Self
    where
        F: Future<Output = Result<Response<R>, E>> + Send + 'static,
        E: Into<BoxError>,
        C: Answered<R> + Send + 'static,
        R: Send + 'static,
        R::Data: Send,
        R::Error: Send,
    {
        Self::cold(Box::pin(async move {
            let response = answer_beside(pin!(future), Some(beside)).await.map_err(Into::into)?;
            match call.answered(response) {
                Ok(response) => Ok(response),
                Err(refused) => refused.await,
            }
        }))
    }

    pub(super) const fn cold(future: BoxFuture<'static, Answer<R>>) -> Self {
        Self { state: State::Cold { future } }
    }
}

impl<F, C, R, E> Future for BearerFuture<F, C, R>
where
    F: Future<Output = Result<Response<R>, E>>,
    E: Into<BoxError>,
    C: Answered<R>,
    R: Body,
{
    type Output = Answer<R>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.as_mut().project().state.project() {
            StateProj::First { future, call } => {
                let response = match ready!(future.poll(cx)) {
                    Ok(response) => response,
                    Err(error) => return Poll::Ready(Err(error.into())),
                };
                match call.answered(response) {
                    Ok(response) => Poll::Ready(Ok(response)),
                    Err(cold) => {
                        // The first future goes with its state, before anything is waited for.
                        self.as_mut().project().state.set(State::Cold { future: cold });
                        self.poll(cx)
                    }
                }
            }
            StateProj::Plain { future, why, also } => future.poll(cx).map(|result| {
                let mut response = result.map_err(Into::into)?;
                if matches!(inspect(&response, also), Verdict::Refused) && !had_token(&response) {
                    response.extensions_mut().insert(*why);
                }
                Ok(response.map(BearerBody::whole))
            }),
            StateProj::Cold { future } => future.as_mut().poll(cx),
        }
    }
}

/// Whether another layer around this client sent a token: it says why its refusal is all there is.
fn had_token<R>(refusal: &Response<R>) -> bool {
    let said = refusal.extensions();
    said.get::<Error>().is_some() || said.get::<Challenge>().is_some()
}

/// What is known of a call that has been sent.
#[expect(unnameable_types, reason = "sealed")]
pub trait Answered<R: Body> {
    /// The response for the caller, or what comes after a refusal.
    fn answered(&mut self, response: Response<R>) -> Result<Response<BearerBody<R>>, BoxFuture<'static, Answer<R>>>;
}

/// A call that was sent with the token at hand.
#[expect(unnameable_types, reason = "sealed")]
pub struct Call<S, K, B, P, T, C> {
    shared: Arc<Shared<S, K, P>>,
    kept: Option<KeptRequest<T>>,
    sent: Sent,
    chosen: C,
    request: PhantomData<fn(B)>,
}

impl<S, K, B, P, T, C> Call<S, K, B, P, T, C> {
    #[inline(always)]
    pub(super) const fn new(shared: Arc<Shared<S, K, P>>, kept: Option<KeptRequest<T>>, sent: Sent, chosen: C) -> Self {
        Self { shared, kept, sent, chosen, request: PhantomData }
    }
}

impl<S, K, B, P> Answered<S::ResponseBody> for Call<S, K, B, P, K::Kept, P::Chosen>
where
    S: HttpService<K::Body> + CloneService,
    K: Replay<B>,
    B: Send + 'static,
    P: Choice,
{
    #[inline(always)]
    fn answered(
        &mut self,
        mut response: Response<S::ResponseBody>,
    ) -> Result<Response<BearerBody<S::ResponseBody>>, BoxFuture<'static, Answer<S::ResponseBody>>> {
        let (also, session) = (&self.shared.settings.also_refused, self.shared.session(&self.chosen));
        match judged(&mut response, also, session, self.sent) {
            Ok(watch) => {
                // Gone before the response is read: a recording is of no use any more.
                if self.kept.is_some() {
                    self.kept = None;
                }
                Ok(response.map(|body| BearerBody::new(body, watch)))
            }
            Err(Refused) => Err(refused(self, response)),
        }
    }
}

/// What happens after a refusal. Not inlined, so that the way past it is short.
#[cold]
#[inline(never)]
fn refused<S, K, B, P>(
    call: &mut Call<S, K, B, P, K::Kept, P::Chosen>,
    refusal: Response<S::ResponseBody>,
) -> BoxFuture<'static, Answer<S::ResponseBody>>
where
    S: HttpService<K::Body> + CloneService,
    K: Replay<B>,
    B: Send + 'static,
    P: Choice,
{
    let Call { shared, kept, sent, chosen, .. } = call;
    Box::pin(attempt::refused::<S, K, B, P>(Arc::clone(shared), refusal, *sent, kept.take(), chosen.clone()))
}

impl<S, K, B, P, T, C> fmt::Debug for Call<S, K, B, P, T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("sent", &self.sent).finish_non_exhaustive()
    }
}

impl<F, C, R: Body> fmt::Debug for BearerFuture<F, C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.state {
            State::Plain { .. } => "BearerFuture(plain)",
            State::First { .. } => "BearerFuture(first)",
            State::Cold { .. } => "BearerFuture(cold)",
        })
    }
}
