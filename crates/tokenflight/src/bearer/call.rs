//! What all calls of a service share, and what one call remembers.

use super::{
    BearerOptions, Replay, choice::sealed::Choice, refusal::AlsoRefused, replay::Head, target::Rules,
    template::Template,
};
use crate::{
    slot::Inner,
    sync::{Arc, OnceLock},
};
use http::{Method, Request};

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

    /// Whether a request of this method may be sent again.
    #[inline(always)]
    pub(super) fn may_replay(&self, method: &Method, options: &BearerOptions) -> bool {
        self.replays && options.may_replay(method)
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
        let options = self.options_of(&request);
        if !self.may_replay(request.method(), &options) {
            return (self.settings.replay.pass(request), None);
        }
        let head = Head::of(&request, false, &options, &*self.session(chosen).parts.time);
        let (request, body) = self.settings.replay.keep(request);
        (request, KeptRequest::new(head, body))
    }
}

/// What a replay is built from.
pub(super) struct KeptRequest<C> {
    pub(super) head: Head,
    pub(super) body: C,
}

impl<C> KeptRequest<C> {
    /// Nothing if a part is missing.
    #[inline(always)]
    pub(super) fn new(head: Option<Head>, body: Option<C>) -> Option<Self> {
        // Not `zip`, which is called and moves both parts twice.
        match (head, body) {
            (Some(head), Some(body)) => Some(Self { head, body }),
            _ => None,
        }
    }
}
