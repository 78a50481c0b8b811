//! What was seen of the token endpoint.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::{Duration, UNIX_EPOCH},
};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::Full;
use tokenflight::{BoxFuture, Event, FailureClass, Grant, GrantError, RefreshToken, Source, TokenRequest, TokenSet};
use tower_service::Service;

use crate::clock;

/// What the grant and its HTTP client saw of the token endpoint. Cloning shares. No token is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Books(Arc<Mutex<Seen>>);

/// The numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Requests that the token endpoint was sent.
    pub(super) token_requests: u64,
    /// Token sets that the session adopted from it.
    pub(super) refreshes: u64,
    /// Failed refreshes, by the name of their class.
    pub(super) failures: BTreeMap<&'static str, u64>,
    /// The longest time from wanting a token set to having one, or a failure.
    pub(super) longest: Duration,
    /// Answers that brought another refresh token.
    pub(super) rotated: u64,
    /// Answers that left the presented one in place.
    pub(super) kept: u64,
    /// The lifetime announced last.
    pub(super) lifetime: Option<Duration>,
    /// When the newest token set arrived.
    pub(super) arrived: Duration,
    /// What the Date headers leave possible.
    pub(super) skew: Option<Skew>,
    /// Whether the store has failed to take a token set, and has not taken a later one.
    pub(super) behind: bool,
}

/// How far the server's clock is ahead of ours, in seconds: between these two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Skew {
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Skew {
    /// A Date header that was written somewhere between sending the request and reading the answer.
    /// It is cut to whole seconds, so the server's clock was up to one second further.
    pub(super) fn new(date: Duration, sent: Duration, read: Duration) -> Self {
        let date = date.as_secs_f64();
        Self { least: date - read.as_secs_f64(), most: date + 1.0 - sent.as_secs_f64() }
    }

    /// What both leave possible; the newer one if that is nothing, because then a clock was set.
    pub(super) fn and(self, newer: Self) -> Self {
        let both = Self { least: self.least.max(newer.least), most: self.most.min(newer.most) };
        if both.least <= both.most { both } else { newer }
    }
}

impl Books {
    /// A copy of the numbers.
    pub(super) fn read(&self) -> Seen {
        self.open().clone()
    }

    /// A token request leaves.
    fn sent(&self) {
        self.open().token_requests += 1;
    }

    fn dated(&self, skew: Skew) {
        let mut seen = self.open();
        seen.skew = Some(seen.skew.map_or(skew, |known| known.and(skew)));
    }

    /// What the session tells.
    pub(super) fn happened(&self, event: &Event) {
        let mut seen = self.open();
        match event {
            Event::Refreshed { source: Source::Server, .. } => seen.refreshes += 1,
            Event::RefreshFailed { class, .. } => seen.fail(*class),
            Event::Ended { .. } => seen.fail(FailureClass::Terminal),
            Event::Unpersisted { .. } => seen.behind = true,
            Event::Persisted { .. } | Event::Overtaken { .. } => seen.behind = false,
            _ => {}
        }
    }

    fn renewed(&self, presented: Option<&RefreshToken>, set: &TokenSet) {
        let mut seen = self.open();
        match set.refresh() {
            Some(token) if Some(token) != presented => seen.rotated += 1,
            _ => seen.kept += 1,
        }
        seen.lifetime = set.lifetime();
        seen.arrived = clock::boot();
    }

    fn open(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn fail(&mut self, class: FailureClass) {
        *self.failures.entry(class.as_str()).or_default() += 1;
    }
}

/// A grant whose answers are written down.
pub(super) struct Watched<G> {
    grant: G,
    books: Books,
}

impl<G> Watched<G> {
    pub(super) const fn new(grant: G, books: Books) -> Self {
        Self { grant, books }
    }
}

impl<G: Grant> Grant for Watched<G> {
    fn request<'a>(&'a self, request: &'a TokenRequest) -> BoxFuture<'a, Result<TokenSet, GrantError>> {
        Box::pin(async move {
            let _stopwatch = Stopwatch { books: &self.books, begin: clock::boot() };
            let result = self.grant.request(request).await;
            if let Ok(set) = &result {
                self.books.renewed(request.refresh_token(), set);
            }
            result
        })
    }

    fn inner(&self) -> Option<&dyn Grant> {
        Some(&self.grant)
    }

    // A soak takes nothing back: what `grace` replaces is of the same login.
    fn revoke<'a>(&'a self, _: &'a RefreshToken) -> BoxFuture<'a, Result<(), GrantError>> {
        Box::pin(async { Ok(()) })
    }
}

/// Also notes an attempt that is dropped at its time limit.
struct Stopwatch<'a> {
    books: &'a Books,
    begin: Duration,
}

impl Drop for Stopwatch<'_> {
    fn drop(&mut self) {
        let took = clock::boot().saturating_sub(self.begin);
        let mut seen = self.books.open();
        seen.longest = seen.longest.max(took);
    }
}

/// An HTTP client for the token endpoint that counts what it sends, and reads the server's clock
/// off the answers.
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
        let sent = clock::wall();
        let answering = self.inner.call(request);
        Box::pin(async move {
            let answer = answering.await?;
            let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
            let date = date.and_then(|date| httpdate::parse_http_date(date).ok()?.duration_since(UNIX_EPOCH).ok());
            if let Some(date) = date {
                books.dated(Skew::new(date, sent, clock::wall()));
            }
            Ok(answer)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn several_dates_tell_more_than_one() {
        // The server is 0.7 s ahead. At 10.1 by our clock it writes 10, at 10.4 it writes 11.
        let first = Skew::new(10 * SECOND, 10 * SECOND + SECOND / 10, 10 * SECOND + SECOND / 10);
        let second = Skew::new(11 * SECOND, 10 * SECOND + SECOND * 2 / 5, 10 * SECOND + SECOND * 2 / 5);
        let both = first.and(second);
        assert!(both.least > 0.59 && both.most < 0.91, "{both:?}");
    }

    #[test]
    fn a_clock_that_was_set_is_believed_anew() {
        let before = Skew { least: -0.5, most: 0.5 };
        let after = Skew { least: 59.5, most: 60.5 };
        assert_eq!(before.and(after), after);
    }
}
