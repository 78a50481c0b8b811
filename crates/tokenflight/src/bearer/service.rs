use std::{
    fmt,
    future::{poll_fn, ready},
    mem,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response, header::AUTHORIZATION};
use tokenflight_core::{BoxError, BoxFuture, Error, ErrorKind};
use tokenflight_machine::OriginId;
use tower_service::Service;

use super::{
    BearerFuture, BearerOptions, Choice, CloneBody, CloneService, HttpService, Replay, attempt,
    call::{KeptRequest, Root, Settings, Shared},
    future::{Answer, Call},
    limit::Limit,
    readiness::Readiness,
    replay::Head,
    sent::Sent,
    target::{Names, NoToken},
};
use crate::{
    session::{Ask, Session, Snapshot},
    sync::Arc,
};

/// A client whose requests carry a session's token; see the [module documentation](super).
///
/// Cloning shares the session. Each clone keeps its copy of the token, made at its second request.
pub struct Bearer<S, K = CloneBody, P = Session> {
    inner: S,
    root: Arc<Root<S, K, P>>,
    snapshot: Snapshot,
    readiness: Readiness,
    /// Whether this is a clone that has not sent anything.
    unused: bool,
    /// Whether the inner service may have changed since a first call made the template for replays.
    changed: bool,
}

impl<S, K, P> Bearer<S, K, P> {
    pub(super) fn new(inner: S, settings: Settings<K, P>) -> Self {
        Self {
            inner,
            root: Arc::new(Root::new(settings)),
            snapshot: Snapshot::default(),
            readiness: Readiness::default(),
            unused: false,
            changed: false,
        }
    }
}

impl<S, K, P> Bearer<S, K, P> {
    /// The inner service.
    pub const fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The inner service. What is changed here holds for every later send of this value and its
    /// later clones, replays included.
    pub const fn get_mut(&mut self) -> &mut S {
        self.changed = true;
        &mut self.inner
    }

    /// The inner service, without the layer.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, K> Bearer<S, K> {
    /// The session.
    pub fn session(&self) -> &Session {
        &self.root.settings.choice
    }

    /// The `Authorization` header that a request sent now would carry, marked sensitive; `None` if
    /// it would have to wait for a token first. For what is not an `http` request to a listed
    /// origin: the handshake of a WebSocket library, a signer. To wait for a token, and to learn of
    /// refusals, use the [session](Session).
    ///
    /// As cheap as the layer's own way to the token: one atomic load, and with a
    /// [driver](crate::Driver) no clock.
    #[inline]
    pub fn authorization(&mut self) -> Option<HeaderValue> {
        let session = &self.root.settings.choice.inner;
        let pass = self.snapshot.usable(session, &mut self.unused).map(|pass| pass.header.clone());
        pass.or_else(|| session.header())
    }
}

impl<S, K, P: Choice> Bearer<S, K, P> {
    /// Waits until the service is ready, as tower's `ServiceExt::ready`, without an import.
    ///
    /// # Errors
    ///
    /// The inner service's.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn ready<B>(&mut self) -> Result<&mut Self, BoxError>
    where
        S: HttpService<K::Body> + CloneService,
        K: Replay<B>,
        B: Send + 'static,
    {
        poll_fn(|cx| Service::<Request<B>>::poll_ready(self, cx)).await?;
        Ok(self)
    }

    /// Puts the token on a request, if there is one for it at once, and into `head` what a replay
    /// needs. By reference: each step that takes a request, or what is kept of it, and gives it
    /// back copies all of it.
    #[inline(always)]
    fn prepare<B>(
        shared: &Shared<S, K, P>,
        snapshot: &mut Snapshot,
        unused: &mut bool,
        request: &mut Request<B>,
        head: &mut Option<Head>,
    ) -> Treatment<P::Chosen> {
        let merged;
        let options = match request.extensions().get::<BearerOptions>() {
            None => &shared.settings.options,
            Some(own) => {
                merged = own.or(&shared.settings.options);
                &merged
            }
        };
        let choice = &shared.settings.choice;
        let chosen = choice.choose(request.extensions());
        let mut pass = None;
        let target = shared.settings.rules.target(request, options, |listed| {
            // A token that must last is asked for.
            if options.lasting().is_none()
                && let Some(chosen) = &chosen
            {
                if !P::KEEPS {
                    // What this value sent last may have been another session's.
                    (*snapshot, *unused) = (Snapshot::default(), true);
                }
                pass = snapshot.usable(shared.session(chosen), unused);
            }
            if let (Some(_), Some(chosen)) = (&pass, &chosen)
                && shared.may_replay(request.method(), options)
                && let Some(copy) = Head::of(request, listed, options, &*shared.session(chosen).parts.time)
            {
                return head.insert(copy).names;
            }
            Names::of(request.headers())
        });
        match (target, chosen, pass) {
            (Err(why), ..) => Treatment::Untouched(why),
            (Ok(_), None, _) => Treatment::NoKey,
            (Ok(origin), Some(chosen), None) => Treatment::Ask(origin, chosen),
            (Ok(origin), Some(chosen), Some(pass)) => {
                request.headers_mut().insert(AUTHORIZATION, pass.header.clone());
                Treatment::Send(Sent { login: pass.login, generation: pass.generation, origin }, chosen)
            }
        }
    }

    /// Nothing to send. The readied service goes back, with the permit it may hold.
    #[cold]
    fn fail<B>(inner: &mut S, kind: ErrorKind) -> BoxFuture<'static, Answer<S::ResponseBody>>
    where
        S: HttpService<K::Body> + CloneService,
        K: Replay<B>,
    {
        give_back(inner);
        Box::pin(ready(Err(Error::new(kind).into())))
    }

    /// Asks for a token. If there is one, the readied service sends the request. If not, it goes
    /// back meanwhile: it may hold a permit that the refresh needs. Not inlined: the future it
    /// boxes is large, and `call` would have to make room for it.
    #[cold]
    #[inline(never)]
    fn ask<B>(
        inner: &mut S,
        shared: &Arc<Shared<S, K, P>>,
        mut request: Request<B>,
        origin: OriginId,
        chosen: P::Chosen,
    ) -> <Self as Service<Request<B>>>::Future
    where
        S: HttpService<K::Body> + CloneService,
        K: Replay<B>,
        B: Send + 'static,
    {
        let session = shared.session(&chosen);
        let options = shared.options_of(&request);
        let mut ask = match options.lasting() {
            Some(time) => Ask::lasting(time, Some(origin)),
            None => Ask::usable(Some(origin)),
        };
        // Its login and its time limit are fixed here, at the call: the task may poll much later.
        match session.at_once(&mut ask) {
            Some((token, beside)) => {
                request.headers_mut().insert(AUTHORIZATION, token.header().clone());
                let sent = Sent::with(&token, origin);
                let (request, kept) = shared.keep(request, &chosen);
                let answer = inner.call(request);
                let call = Call::new(Arc::clone(shared), kept, sent, chosen);
                match beside {
                    None => BearerFuture::first(answer, call),
                    Some(beside) => BearerFuture::beside(answer, beside, call),
                }
            }
            None => {
                give_back(inner);
                let limit = Limit::of(request.headers(), &options, &*session.parts.time);
                BearerFuture::cold(Box::pin(attempt::waiting(Arc::clone(shared), request, origin, chosen, ask, limit)))
            }
        }
    }
}

impl<S: Clone, K, P> Clone for Bearer<S, K, P> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            root: Arc::clone(&self.root),
            snapshot: Snapshot::default(),
            readiness: Readiness::default(),
            unused: true,
            changed: self.changed,
        }
    }
}

impl<S, K, B, P> Service<Request<B>> for Bearer<S, K, P>
where
    S: HttpService<K::Body> + CloneService,
    K: Replay<B>,
    B: Send + 'static,
    P: Choice,
{
    type Response = Response<super::BearerBody<S::ResponseBody>>;
    type Error = BoxError;
    type Future = BearerFuture<S::Sending, Call<S, K, B, P, K::Kept, P::Chosen>, S::ResponseBody>;

    /// The inner service's readiness, and no waiting of ours.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        let only = self.root.settings.choice.only().map(|session| &session.inner);
        self.readiness.poll_ready(&mut self.inner, only, cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let Self { inner, root, snapshot, unused, changed, .. } = self;
        if mem::take(changed) {
            *root = Arc::new(Root::new(root.settings.clone()));
        }
        let shared = root.shared(inner);
        let replay = &shared.settings.replay;
        let mut head = None;
        match Self::prepare(shared, snapshot, unused, &mut request, &mut head) {
            Treatment::Send(sent, chosen) if head.is_some() => {
                let (request, body) = replay.keep(request);
                let future = inner.call(request);
                BearerFuture::first(future, Call::new(Arc::clone(shared), KeptRequest::new(head, body), sent, chosen))
            }
            Treatment::Send(sent, chosen) => {
                let future = inner.call(replay.pass(request));
                BearerFuture::first(future, Call::new(Arc::clone(shared), None, sent, chosen))
            }
            Treatment::Ask(origin, chosen) => Self::ask(inner, shared, request, origin, chosen),
            Treatment::NoKey => BearerFuture::cold(Self::fail::<B>(inner, ErrorKind::NoKey)),
            Treatment::Untouched(why) => {
                BearerFuture::plain(inner.call(replay.pass(request)), why, shared.settings.also_refused.clone())
            }
        }
    }
}

/// Lets go of the readied service and of the permit it may hold. What stays is a clone, not ready.
fn give_back<S: Clone>(inner: &mut S) {
    let fresh = inner.clone();
    drop(mem::replace(inner, fresh));
}

/// What becomes of a request.
enum Treatment<C> {
    /// It has the token and is sent at once.
    Send(Sent, C),
    /// It asks for a token for this origin, and may have to wait for it.
    Ask(OriginId, C),
    /// It does not say whose token it wants.
    NoKey,
    /// It gets no token of ours.
    Untouched(NoToken),
}

impl<S: fmt::Debug, K, P: fmt::Debug> fmt::Debug for Bearer<S, K, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer")
            .field("inner", &self.inner)
            .field("session", &self.root.settings.choice)
            .finish_non_exhaustive()
    }
}
