//! What all calls of a service share, and what one call remembers.

use super::{
    BearerBody, BearerOptions, Challenge, Replay,
    choice::sealed::Choice,
    limit::Limit,
    refusal::{AlsoRefused, Look, look},
    replay::{Head, Seen},
    sent::Sent,
    target::{Names, Rules},
    template::Template,
    watch::Watch,
};
use crate::{
    slot::Inner,
    sync::{Arc, OnceLock},
};
use http::{Request, Response};
use http_body::Body;

/// What a layer hands to the services it makes.
#[derive(Clone, Debug)]
pub(super) struct Settings<K, P> {
    pub(super) choice: P,
    pub(super) rules: Rules,
    pub(super) replay: K,
    pub(super) options: BearerOptions,
    pub(super) also_refused: AlsoRefused,
}

/// What a service and its clones are made of.
pub(super) struct Root<S, K, P> {
    pub(super) settings: Settings<K, P>,
    /// Made by the first call.
    shared: OnceLock<Arc<Shared<S, K, P>>>,
}

impl<S, K, P> Root<S, K, P> {
    pub(super) const fn new(settings: Settings<K, P>) -> Self {
        Self { settings, shared: OnceLock::new() }
    }
}

impl<S: Clone, K: Clone, P: Choice> Root<S, K, P> {
    /// What all calls share, of this inner service if it is the first.
    #[inline(always)]
    pub(super) fn shared(&self, inner: &S) -> &Arc<Shared<S, K, P>> {
        match self.shared.get() {
            Some(shared) => shared,
            None => self.first(inner),
        }
    }

    #[cold]
    fn first(&self, inner: &S) -> &Arc<Shared<S, K, P>> {
        // Made before the place for it is taken: cloning a service is foreign code.
        let shared = Arc::new(Shared::new(inner, self.settings.clone()));
        self.shared.get_or_init(|| shared)
    }
}

/// What all calls of a service and its clones share.
pub(super) struct Shared<S, K, P> {
    pub(super) settings: Settings<K, P>,
    /// Cloned for a send after a wait, and for a replay.
    pub(super) template: Template<S>,
    /// Whether requests are kept at all.
    replays: bool,
}

impl<S: Clone, K, P: Choice> Shared<S, K, P> {
    pub(super) fn new(inner: &S, settings: Settings<K, P>) -> Self {
        let replays = settings.choice.only().is_none_or(|session| session.inner.parts.policy().replays > 0);
        Self { settings, template: Template::new(inner.clone()), replays }
    }
}

impl<S, K, P: Choice> Shared<S, K, P> {
    #[inline(always)]
    pub(super) fn session<'a>(&'a self, chosen: &'a P::Chosen) -> &'a Arc<Inner> {
        &self.settings.choice.session(chosen).inner
    }

    /// How this request is to be treated.
    pub(super) fn options_of<B>(&self, request: &Request<B>) -> BearerOptions {
        let own = request.extensions().get::<BearerOptions>();
        own.map_or(self.settings.options, |own| own.or(&self.settings.options))
    }

    /// Which headers have a say about the target; and into `copied`, because moving it costs more than making it, what a replay
    /// needs of the request beside its body. To be called before the token is attached, so that the copy never holds it.
    /// `listed` as of [`Head::of`].
    #[inline(always)]
    pub(super) fn copy<B>(
        &self,
        request: &Request<B>,
        listed: bool,
        chosen: &P::Chosen,
        options: &BearerOptions,
        copied: &mut Option<Copied>,
    ) -> Names {
        if !self.replays || !options.may_replay(request.method()) {
            return Names::of(request.headers());
        }
        let mut seen = Seen::default();
        let Some(head) = Head::of(request, listed, &mut seen) else { return Names::of(request.headers()) };
        let limit = Limit::new(options, seen.timeout, &*self.session(chosen).parts.time);
        *copied = Some(Copied { head, limit });
        seen.names
    }

    /// The request to send, and what a replay of it needs.
    pub(super) fn keep<B>(
        &self,
        request: Request<B>,
        chosen: &P::Chosen,
    ) -> (Request<K::Body>, Option<KeptRequest<K::Kept>>)
    where
        K: Replay<B>,
    {
        let mut copied = None;
        self.copy(&request, false, chosen, &self.options_of(&request), &mut copied);
        if copied.is_none() {
            return (self.settings.replay.pass(request), None);
        }
        let (request, body) = self.settings.replay.keep(request);
        (request, KeptRequest::new(copied, body))
    }

    /// Whether a response is a refusal.
    #[inline(always)]
    pub(super) fn settle<R>(&self, response: &Response<R>, sent: Sent, chosen: &P::Chosen) -> Settled {
        let also = &self.settings.also_refused;
        match look(response, also) {
            Look::Refused => return Settled::Refused,
            Look::Stream => {
                let session = Arc::clone(self.session(chosen));
                return Settled::Begun(Box::new(Watch::new(session, also.clone(), sent, response.status())));
            }
            Look::Missing(challenge) => return Settled::Missing(challenge),
            Look::Nothing => {}
        }
        Settled::Done
    }
}

/// What a response comes to. It stays where it is meanwhile: moving it costs more than looking at it.
pub(super) enum Settled {
    /// It goes to the caller.
    Done,
    /// It goes to the caller, and its trailers are watched.
    Begun(Box<Watch>),
    /// It goes to the caller with what the server said is missing.
    Missing(Box<Challenge>),
    Refused,
}

impl Settled {
    /// Says in the response what is missing. The watch for its trailers.
    #[inline(always)]
    pub(super) fn told<R>(self, response: &mut Response<R>) -> Option<Box<Watch>> {
        match self {
            Self::Begun(watch) => return Some(watch),
            Self::Missing(challenge) => drop(response.extensions_mut().insert(*challenge)),
            Self::Done | Self::Refused => {}
        }
        None
    }

    /// The response for the caller, unless it is a refusal.
    pub(super) fn passed<R: Body>(self, mut response: Response<R>) -> Result<Response<BearerBody<R>>, Response<R>> {
        if matches!(self, Self::Refused) {
            return Err(response);
        }
        let watch = self.told(&mut response);
        Ok(response.map(|body| BearerBody::new(body, watch)))
    }
}

/// What a replay is built from beside the body.
#[derive(Debug)]
pub(super) struct Copied {
    pub(super) head: Head,
    pub(super) limit: Limit,
}

/// What a replay is built from.
pub(super) struct KeptRequest<C> {
    pub(super) copied: Copied,
    pub(super) body: C,
}

impl<C> KeptRequest<C> {
    /// Nothing if a part is missing.
    #[inline(always)]
    pub(super) fn new(copied: Option<Copied>, body: Option<C>) -> Option<Self> {
        // Not `zip`, which is called and moves both parts twice.
        match (copied, body) {
            (Some(copied), Some(body)) => Some(Self { copied, body }),
            _ => None,
        }
    }
}
