use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::Response;
use reqwest::{Body, Error, ResponseBuilderExt};
use tower_service::Service;

type Pending = <reqwest::Client as Service<reqwest::Request>>::Future;

/// The response to come.
///
/// # Cancel safety
///
/// Dropping it drops the request.
pub struct ResponseFuture(State);

enum State {
    Sent(Pending),
    /// What was asked for is no request of reqwest's.
    Failed(Option<Error>),
}

impl ResponseFuture {
    pub(crate) fn new(sent: Result<Pending, Error>) -> Self {
        Self(sent.map_or_else(|error| State::Failed(Some(error)), State::Sent))
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<Body>, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Sent(pending) => Pin::new(pending).poll(cx).map_ok(answer),
            // Polled again after its end, it waits for ever.
            State::Failed(error) => error.take().map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
        }
    }
}

/// The answer, which tells its address if it is made one of reqwest's again.
fn answer(response: reqwest::Response) -> Response<Body> {
    let url = response.url().clone();
    let mut answer: Response<Body> = response.into();
    if let Ok(told) = Response::builder().url(url).body(()) {
        answer.extensions_mut().extend(told.into_parts().0.extensions);
    }
    answer
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            State::Sent(_) => "ResponseFuture(sent)",
            State::Failed(_) => "ResponseFuture(failed)",
        })
    }
}
