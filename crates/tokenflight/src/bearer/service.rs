use std::{
    fmt, mem,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use http_body::Body;
use tokenflight_core::BoxError;
use tokenflight_machine::OriginId;
use tower_service::Service;

use super::{
    BearerFuture, BearerOptions, CloneBody, Replay, attempt,
    call::{Sent, Settings, Shared, Spare, Spared},
    readiness::Readiness,
    target::{Names, NoToken},
};
use crate::{
    session::{Session, Snapshot},
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
/// Cloning shares the session. Each clone keeps a private copy of the token, made at its second request.
pub struct Bearer<S, K = CloneBody> {
    inner: S,
    shared: Arc<Shared<S, K>>,
    snapshot: Snapshot,
    readiness: Readiness,
    /// Whether this is a clone that has not sent anything.
    unused: bool,
    /// Whether the inner service may have been changed since the template for replays was made.
    changed: bool,
}

impl<S: Clone, K> Bearer<S, K> {
    pub(super) fn new(inner: S, settings: Settings<K>) -> Self {
        let shared = Arc::new(Shared::new(&inner, settings));
        Self {
            inner,
            shared,
            snapshot: Snapshot::default(),
            readiness: Readiness::default(),
            unused: false,
            changed: false,
        }
    }
}

impl<S, K> Bearer<S, K> {
    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. What is changed here holds for every later send of this value and its later clones, replays
    /// included.
    pub const fn get_mut(&mut self) -> &mut S {
        self.changed = true;
        &mut self.inner
    }

    /// The inner service, without the layer.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The session.
    pub fn session(&self) -> &Session {
        &self.shared.settings.session
    }

    /// The `Authorization` header that a request sent now would carry, marked sensitive; `None` if it would have to wait for
    /// a token first. For what is not an `http` request to a listed origin: the handshake of a WebSocket library, a
    /// signer. To wait for a token, and to learn of refusals, use the [session](Session).
    ///
    /// As cheap as the layer's own way to the token: one atomic load, and with a [driver](crate::Driver) no clock.
    #[inline]
    pub fn authorization(&mut self) -> Option<HeaderValue> {
        let session = self.shared.session();
        let pass = self.snapshot.usable(session, &mut self.unused).map(|pass| pass.header.clone());
        pass.or_else(|| session.header())
    }

    /// Puts the token on a request, if there is one for it at once, and copies into `spare` what a replay needs. By reference: each step that
    /// takes a request and gives it back copies all of it.
    #[inline(always)]
    fn prepare<B>(&mut self, request: &mut Request<B>, spare: &mut Option<Spare>) -> Way {
        let Self { shared, snapshot, unused, .. } = self;
        let merged;
        let options = match request.extensions().get::<BearerOptions>() {
            None => &shared.settings.options,
            Some(own) => {
                merged = own.or(&shared.settings.options);
                &merged
            }
        };
        let mut pass = None;
        let target = shared.settings.rules.target(request, options, || {
            // A token that must last is asked for.
            if options.lasting().is_none() {
                pass = snapshot.usable(shared.session(), unused);
            }
            if pass.is_some() { shared.copy(request, options, spare) } else { Names::of(request.headers()) }
        });
        match (target, pass) {
            (Err(why), _) => Way::Untouched(why),
            (Ok(origin), None) => Way::Wait(origin),
            (Ok(origin), Some(pass)) => {
                request.headers_mut().insert(AUTHORIZATION, pass.header.clone());
                Way::Send(Sent { login: pass.login, generation: pass.generation, origin })
            }
        }
    }

    /// No token to send at once. The readied service goes back meanwhile: it may hold a permit that the refresh needs. Not
    /// inlined: the future it boxes is large, and `call` would have to make room for it.
    #[cold]
    #[inline(never)]
    fn wait<B>(&mut self, request: Request<B>, origin: OriginId) -> BearerFuture<S, K, B>
    where
        S: HttpService<K::Body>,
        K: Replay<B>,
        B: Send + 'static,
    {
        drop(mem::replace(&mut self.inner, self.shared.fresh()));
        BearerFuture::cold(Box::pin(attempt::waiting(Arc::clone(&self.shared), request, origin)))
    }
}

impl<S: Clone, K> Clone for Bearer<S, K> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            shared: Arc::clone(&self.shared),
            snapshot: Snapshot::default(),
            readiness: Readiness::default(),
            unused: true,
            changed: self.changed,
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
        self.readiness.poll_ready(&mut self.inner, self.shared.session(), cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if self.changed {
            self.shared = Arc::new(Shared::new(&self.inner, self.shared.settings.clone()));
            self.changed = false;
        }
        let (mut spare, mut body) = (None, None);
        match self.prepare(&mut request, &mut spare) {
            Way::Send(sent) if spare.is_some() => {
                let future = self.inner.call(self.shared.settings.replay.keep(request, &mut body));
                BearerFuture::first(future, Arc::clone(&self.shared), Spared::new(spare, body), sent)
            }
            Way::Send(sent) => {
                let future = self.inner.call(self.shared.settings.replay.pass(request));
                BearerFuture::first(future, Arc::clone(&self.shared), None, sent)
            }
            Way::Wait(origin) => self.wait(request, origin),
            Way::Untouched(why) => BearerFuture::plain(self.inner.call(self.shared.settings.replay.pass(request)), why),
        }
    }
}

/// What becomes of a request.
enum Way {
    /// It has the token and is sent at once.
    Send(Sent),
    /// It has to wait for a token for this origin.
    Wait(OriginId),
    /// It gets no token of ours.
    Untouched(NoToken),
}

impl<S: fmt::Debug, K> fmt::Debug for Bearer<S, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").field("inner", &self.inner).field("session", self.session()).finish_non_exhaustive()
    }
}
