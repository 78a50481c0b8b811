use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::Request;
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{Bearer, BearerFuture, Choice, CloneService, HttpService, Replay, future::Call};

/// A body that a [`Bearer`] can send: of requests that its inner service takes, after it was kept
/// for a replay. Implemented for all of them, and to be implemented for no others.
// With the body in the place of `Self`, the compiler takes its type from the request that is sent,
// and says what is wrong with it; from the only body that the inner service takes, it would say no
// more than that two types differ.
pub trait SentBy<S, K, P>: Sized {
    /// The response to come.
    type Oneshot;

    /// See [`Bearer::oneshot`].
    fn oneshot(service: Bearer<S, K, P>, request: Request<Self>) -> Self::Oneshot;
}

impl<S, K, P: Choice> Bearer<S, K, P> {
    /// Sends one request by this value as soon as it is ready, as tower's `ServiceExt::oneshot`,
    /// which need not be imported. To keep the service, send by a clone.
    ///
    /// # Errors
    ///
    /// The inner service's, and our [`Error`](crate::Error) if there is no token to send.
    ///
    /// # Cancel safety
    ///
    /// As [`BearerFuture`].
    pub fn oneshot<B: SentBy<S, K, P>>(self, request: Request<B>) -> B::Oneshot {
        B::oneshot(self, request)
    }
}

impl<B, S, K, P> SentBy<S, K, P> for B
where
    S: HttpService<K::Body> + CloneService,
    K: Replay<B>,
    B: Send + 'static,
    P: Choice,
{
    // Not as the service's future: of a body that does not fit, the compiler would not say so.
    type Oneshot =
        Oneshot<Bearer<S, K, P>, B, BearerFuture<S::Sending, Call<S, K, B, P, K::Kept, P::Chosen>, S::ResponseBody>>;

    fn oneshot(service: Bearer<S, K, P>, request: Request<B>) -> Self::Oneshot {
        Oneshot { state: State::Unready { service: Some((service, request)) } }
    }
}

pin_project! {
    /// Waits until a service is ready, sends, and gives the response; of [`Bearer::oneshot`].
    // Of the future it holds, for the reason of `BearerFuture`.
    pub struct Oneshot<V, B, F> {
        #[pin]
        state: State<V, B, F>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<V, B, F> {
        // Taken when it is ready.
        Unready { service: Option<(V, Request<B>)> },
        // The service is gone: it may hold a connection of its own.
        Sent { #[pin] future: F },
    }
}

impl<V, B, F> Future for Oneshot<V, B, F>
where
    V: Service<Request<B>, Future = F>,
    F: Future<Output = Result<V::Response, V::Error>>,
{
    type Output = Result<V::Response, V::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let future = match self.as_mut().project().state.project() {
                StateProj::Sent { future } => return future.poll(cx),
                StateProj::Unready { service } => {
                    let Some((waiting, _)) = service else { return Poll::Pending };
                    ready!(waiting.poll_ready(cx))?;
                    let Some((mut ready, request)) = service.take() else { return Poll::Pending };
                    ready.call(request)
                }
            };
            self.as_mut().project().state.set(State::Sent { future });
        }
    }
}

impl<V, B, F> fmt::Debug for Oneshot<V, B, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.state {
            State::Unready { .. } => "Oneshot(unready)",
            State::Sent { .. } => "Oneshot(sent)",
        })
    }
}
