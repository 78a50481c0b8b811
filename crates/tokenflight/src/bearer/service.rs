use std::{
    fmt, mem,
    task::{Context, Poll},
};

use http::{Request, Response};
use http_body::Body;
use tokenflight_core::{BoxError, machine::OriginId};
use tower_service::Service;

use super::{
    BearerFuture, BearerOptions, CloneBody, Replay,
    attach::attach,
    attempt,
    call::{Sent, Settings, Shared},
    stray::Stray,
};
use crate::{
    session::{Pass, Session, Snapshot},
    sync::Arc,
};

/// An HTTP client the layer can wrap: implemented for every fitting `tower` service.
pub trait HttpService<B>:
    Service<Request<B>, Response = Response<Self::ResponseBody>, Error: Into<BoxError>, Future: Send + 'static>
    + Clone
    + Send
    + 'static
{
    /// The body of its responses.
    type ResponseBody: Body<Data: Send, Error: Send> + Send + 'static;
}

impl<S, B, R> HttpService<B> for S
where
    S: Service<Request<B>, Response = Response<R>, Error: Into<BoxError>, Future: Send + 'static>
        + Clone
        + Send
        + 'static,
    R: Body<Data: Send, Error: Send> + Send + 'static,
{
    type ResponseBody = R;
}

/// A client whose requests carry a session's token; see the [module documentation](super).
///
/// Cloning shares the session. Each clone keeps a private copy of the token, made at its first request.
pub struct Bearer<S, K = CloneBody> {
    inner: S,
    shared: Arc<Shared<S, K>>,
    snapshot: Snapshot,
    stray: Stray,
}

impl<S: Clone, K> Bearer<S, K> {
    pub(super) fn new(inner: S, settings: Settings<K>) -> Self {
        let shared = Arc::new(Shared::new(&inner, settings));
        Self { inner, shared, snapshot: Snapshot::default(), stray: Stray::default() }
    }
}

impl<S, K> Bearer<S, K> {
    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The inner service, without the layer.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.shared.session
    }

    /// The token to send, if that needs no asking: the private copy, as long as the session shows its stamp. Without a
    /// driver to withdraw it in time, the clock is looked at.
    #[inline]
    fn pass(&mut self) -> Option<&Pass> {
        let session = &self.shared.session.inner;
        if session.stamp() != self.snapshot.stamp {
            self.snapshot = session.snapshot();
        }
        self.snapshot.pass.as_ref().filter(|pass| match pass.clock {
            None => true,
            Some((anchor, ask_after)) => session.parts.time.now().since(anchor) < ask_after,
        })
    }

    #[inline]
    fn send<B>(&mut self, request: Request<B>, origin: OriginId, options: BearerOptions) -> BearerFuture<S, K, B>
    where
        S: HttpService<K::Body>,
        K: Replay<B>,
        B: Send + 'static,
    {
        let Some(pass) = self.pass().filter(|_| options.lasting().is_none()) else {
            return self.wait(request, origin, options);
        };
        let token = pass.header.clone();
        let sent = Sent { epoch: pass.epoch, generation: pass.generation, origin };
        let watched = pass.watched;
        let (mut request, kept) = self.shared.prepare(request, &options);
        attach(&mut request, token);
        let future = self.inner.call(request);
        BearerFuture::first(future, Arc::clone(&self.shared), kept, sent, watched)
    }

    /// No token to send at once. The readied service goes back meanwhile: it may hold a permit that the refresh needs
    ///
    fn wait<B>(&mut self, request: Request<B>, origin: OriginId, options: BearerOptions) -> BearerFuture<S, K, B>
    where
        S: HttpService<K::Body>,
        K: Replay<B>,
        B: Send + 'static,
    {
        drop(mem::replace(&mut self.inner, self.shared.fresh()));
        BearerFuture::cold(Box::pin(attempt::wait(Arc::clone(&self.shared), request, origin, options)))
    }
}

impl<S: Clone, K> Clone for Bearer<S, K> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: Arc::clone(&self.shared),
            snapshot: Snapshot::default(),
            stray: Stray::default(),
        }
    }
}

impl<S, K, B> Service<Request<B>> for Bearer<S, K>
where
    S: HttpService<K::Body>,
    K: Replay<B>,
    B: Send + 'static,
{
    type Response = Response<super::BearerBody<S::ResponseBody>>;
    type Error = BoxError;
    type Future = BearerFuture<S, K, B>;

    /// The inner service's readiness, and no waiting of ours.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.stray.poll_ready(&mut self.inner, &self.shared.session.inner, cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let options = self.shared.options_of(&request);
        match self.shared.destination(&request, &options) {
            Some(origin) => self.send(request, origin, options),
            None => {
                let request = request.map(|body| self.shared.replay.pass(body));
                BearerFuture::plain(self.inner.call(request))
            }
        }
    }
}

impl<S: fmt::Debug, K> fmt::Debug for Bearer<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").field("inner", &self.inner).field("session", self.session()).finish_non_exhaustive()
    }
}
