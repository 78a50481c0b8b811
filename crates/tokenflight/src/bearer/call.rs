//! What all calls of a service share, and what one call remembers.

use http::{Request, Response};
use tokenflight_core::{Generation, LoginId};
use tokenflight_machine::{OriginId, Refused};

use super::{
    BearerOptions, Origins, Replay,
    attach::{addressed, destination},
    keep::{Head, Met},
    limit::Limit,
    redirect::still_home,
    refusal::{AlsoRefused, Look, look},
    watch::Watch,
};
use crate::{
    session::{Ask, Session},
    sync::{Arc, Mutex, lock},
};

/// What a layer hands to the services it makes.
#[derive(Clone, Debug)]
pub(super) struct Settings<K> {
    pub(super) session: Session,
    pub(super) origins: Origins,
    pub(super) replay: K,
    pub(super) options: BearerOptions,
    pub(super) also_refused: AlsoRefused,
    pub(super) below_redirects: bool,
}

/// What all clones of a service share.
pub(super) struct Shared<S, K> {
    pub(super) session: Session,
    pub(super) replay: K,
    origins: Origins,
    options: BearerOptions,
    also_refused: AlsoRefused,
    below_redirects: bool,
    /// A service to clone for a wait or a replay; behind a lock so that it need not be `Sync`.
    template: Mutex<S>,
    /// Whether requests are kept at all.
    replays: bool,
}

impl<S: Clone, K> Shared<S, K> {
    pub(super) fn new(inner: &S, settings: Settings<K>) -> Self {
        let Settings { session, origins, replay, options, also_refused, below_redirects } = settings;
        let replays = session.inner.parts.policy().replays > 0;
        let template = Mutex::new(inner.clone());
        Self { session, replay, origins, options, also_refused, below_redirects, template, replays }
    }

    pub(super) fn fresh(&self) -> S {
        lock(&self.template).clone()
    }
}

impl<S, K> Shared<S, K> {
    /// How this request is to be treated.
    #[inline]
    pub(super) fn options_of<'a, B>(&'a self, request: &'a Request<B>) -> &'a BearerOptions {
        request.extensions().get().unwrap_or(&self.options)
    }

    /// The listed origin this request goes to; `None` if it must pass untouched.
    pub(super) fn destination<B>(&self, request: &Request<B>, options: &BearerOptions) -> Option<OriginId> {
        let origin = destination(request, &self.origins).filter(|_| !options.is_untouched());
        if self.below_redirects { still_home(request, origin) } else { origin }
    }

    /// As [`destination`](Self::destination), if the headers have no say in it.
    #[inline]
    pub(super) fn addressed<B>(&self, request: &Request<B>, options: &BearerOptions) -> Option<OriginId> {
        if self.below_redirects {
            return self.destination(request, options);
        }
        if options.is_untouched() { None } else { addressed(request, &self.origins) }
    }

    /// What the headers say about the token's place; and into `spare` what a replay needs beside the body, unless the
    /// request is sent once. To be called before the token is attached, so that the copy never holds it.
    #[inline(always)]
    pub(super) fn read<B>(&self, request: &Request<B>, options: &BearerOptions, spare: &mut Option<Spare>) -> Met {
        if !self.replays || !options.may_replay(request.method()) {
            return Met::of(request.headers());
        }
        let mut met = Met::default();
        let Some(head) = Head::of(request, &mut met) else { return Met::of(request.headers()) };
        let limit = Limit::new(options, met.timeout, &*self.session.inner.parts.time);
        *spare = Some(Spare { head, limit });
        met
    }

    /// Whether a response is a refusal.
    #[inline(always)]
    pub(super) fn settle<R>(&self, response: &Response<R>, sent: Sent) -> Settled {
        match look(response, &self.also_refused) {
            Look::Refused => return Settled::Refused,
            Look::Stream => return Settled::Begun(Watch::new(Arc::clone(&self.session.inner), sent)),
            Look::Accepted | Look::Nothing => {}
        }
        Settled::Done
    }
}

/// What a response comes to. It stays where it is meanwhile: moving it costs more than looking at it.
pub(super) enum Settled {
    /// It goes to the caller.
    Done,
    /// It goes to the caller, and its trailers are watched.
    Begun(Watch),
    Refused,
}

/// What a replay is built from beside the body.
#[derive(Debug)]
pub(super) struct Spare {
    head: Head,
    limit: Limit,
}

/// What a replay is built from.
#[derive(Debug)]
pub(super) struct Kept<C> {
    spare: Spare,
    body: C,
}

impl<C> Kept<C> {
    /// Nothing if a part is missing.
    #[inline(always)]
    pub(super) fn new(spare: Option<Spare>, body: Option<C>) -> Option<Self> {
        // Not `zip`, which is called and moves both parts twice.
        match (spare, body) {
            (Some(spare), Some(body)) => Some(Self { spare, body }),
            _ => None,
        }
    }

    pub(super) const fn limit(&self) -> Limit {
        self.spare.limit
    }

    /// The body again.
    pub(super) fn body<B, K: Replay<B, Kept = C>>(&self, replay: &K) -> Option<K::Body> {
        replay.again(&self.body)
    }

    /// The request again with this body, without a token.
    pub(super) fn request<B>(&self, body: B) -> Request<B> {
        self.spare.head.rebuild(body)
    }
}

/// Which token a request carries, and where to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) login: LoginId,
    pub(super) generation: Generation,
    pub(super) origin: OriginId,
}

impl Sent {
    /// The question to ask after a refusal.
    pub(super) const fn refused(self, replays: u8) -> Ask {
        Ask::refused(Refused::new(self.login, self.generation, Some(self.origin)).after_replays(replays))
    }
}
