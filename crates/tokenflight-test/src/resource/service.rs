use std::{
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::Full;
use tokenflight_core::{Secret, Sleep};
use tower_service::Service;

use super::Refusal;
use crate::{AuthServer, Verdict, lock::lock};

/// What a [`ResourceServer`] has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceCounts {
    /// Requests that were judged.
    pub requests: u64,
    /// Those with a good token.
    pub accepted: u64,
    /// Those that were refused.
    pub refused: u64,
    /// Those of the refused that had no bearer token at all.
    pub without_token: u64,
}

/// An API behind bearer tokens. Cloning shares its counts. See the [module documentation](super).
#[derive(Clone)]
pub struct ResourceServer {
    auth: AuthServer,
    refusal: Arc<Refusal>,
    latency: Duration,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    counts: ResourceCounts,
    refuse_all: bool,
}

impl ResourceServer {
    /// An API that believes this authorization server.
    #[must_use]
    pub fn new(auth: AuthServer) -> Self {
        Self { auth, refusal: Arc::new(Refusal::new()), latency: Duration::ZERO, shared: Arc::default() }
    }

    /// Says no in another way.
    #[must_use]
    pub fn refusing(mut self, refusal: Refusal) -> Self {
        self.refusal = Arc::new(refusal);
        self
    }

    /// How long a request takes, slept through the authorization server's `Time`: one half before
    /// the token is judged, one half after.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// From now on refuses good tokens too, or no longer.
    pub fn refuse_all(&self, refuse: bool) {
        lock(&self.shared).refuse_all = refuse;
    }

    /// What has been seen so far, by all clones.
    #[must_use]
    pub fn counts(&self) -> ResourceCounts {
        lock(&self.shared).counts
    }

    fn judge(&self, token: Option<&Secret>) -> Response<Full<Bytes>> {
        let good = token.is_some_and(|token| self.auth.check(token.expose()) == Verdict::Valid);
        let mut shared = lock(&self.shared);
        let accepted = good && !shared.refuse_all;
        shared.counts.requests += 1;
        shared.counts.accepted += u64::from(accepted);
        shared.counts.refused += u64::from(!accepted);
        shared.counts.without_token += u64::from(token.is_none());
        drop(shared);
        if accepted {
            return Response::new(Full::new(Bytes::from_static(b"here you are")));
        }
        let mut response = Response::new(Full::new(Bytes::from_static(b"no")));
        *response.status_mut() = self.refusal.status;
        if let Some(challenge) = self.refusal.header(token.is_some()) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }

    fn half(&self) -> Option<Sleep> {
        (!self.latency.is_zero()).then(|| self.auth.time().sleep(self.latency / 2))
    }

    #[cfg(feature = "net")]
    pub(super) const fn refusal(&self) -> &Arc<Refusal> {
        &self.refusal
    }

    pub(super) fn ask(&self, headers: &HeaderMap) -> ResourceFuture {
        ResourceFuture { server: self.clone(), stage: Stage::Arriving(self.half(), bearer(headers)) }
    }
}

/// The one bearer token of a request. Two `Authorization` headers are none.
fn bearer(headers: &HeaderMap) -> Option<Secret> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Secret::new(token.trim_start_matches(' ')))
}

impl fmt::Debug for ResourceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceServer")
            .field("refusal", &self.refusal)
            .field("latency", &self.latency)
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl<B> Service<Request<B>> for ResourceServer {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = ResourceFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ResourceFuture {
        self.ask(request.headers())
    }
}

/// The response of a [`ResourceServer`]. Dropped before half of the latency is over, the request
/// was never judged.
pub struct ResourceFuture {
    server: ResourceServer,
    stage: Stage,
}

enum Stage {
    Arriving(Option<Sleep>, Option<Secret>),
    Leaving(Option<Sleep>, Response<Full<Bytes>>),
    Over,
}

impl Future for ResourceFuture {
    type Output = Result<Response<Full<Bytes>>, Infallible>;

    /// # Panics
    ///
    /// When polled again after its end.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut self.stage {
                Stage::Arriving(Some(sleep), _) | Stage::Leaving(Some(sleep), _) => ready!(sleep.as_mut().poll(cx)),
                Stage::Arriving(None, _) | Stage::Leaving(None, _) | Stage::Over => {}
            }
            match std::mem::replace(&mut self.stage, Stage::Over) {
                Stage::Arriving(_, token) => {
                    let response = self.server.judge(token.as_ref());
                    self.stage = Stage::Leaving(self.server.half(), response);
                }
                Stage::Leaving(_, response) => return Poll::Ready(Ok(response)),
                Stage::Over => panic!("a response future was polled after its end"),
            }
        }
    }
}

impl fmt::Debug for ResourceFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceFuture").finish_non_exhaustive()
    }
}
