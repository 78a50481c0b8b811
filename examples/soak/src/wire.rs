use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use tokenflight::{
    BoxFuture,
    time::{Time, TokioTime},
};
use tower::Service;

use super::books::{Books, Skew};

/// An HTTP client for the token endpoint that counts what it sends, and reads the server's clock off the answers.
#[derive(Clone)]
pub(super) struct Wire<S> {
    inner: S,
    books: Books,
}

impl<S> Wire<S> {
    pub(super) const fn new(inner: S, books: Books) -> Self {
        Self { inner, books }
    }
}

impl<S, B> Service<Request<Full<Bytes>>> for Wire<S>
where
    S: Service<Request<Full<Bytes>>, Response = Response<B>, Error: Send, Future: Send + 'static>,
    B: Send,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<B>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Full<Bytes>>) -> Self::Future {
        let books = self.books.clone();
        books.sent();
        let sent = wall();
        let answering = self.inner.call(request);
        Box::pin(async move {
            let answer = answering.await?;
            let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
            if let Some(date) = date.and_then(|date| httpdate::parse_http_date(date).ok())
                && let Ok(date) = date.duration_since(std::time::UNIX_EPOCH)
            {
                books.dated(Skew::new(date, sent, wall()));
            }
            Ok(answer)
        })
    }
}

/// Our wall clock, since the Unix epoch.
pub(super) fn wall() -> std::time::Duration {
    TokioTime::new().now().wall
}
