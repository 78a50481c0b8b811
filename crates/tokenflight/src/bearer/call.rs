//! What all calls of a service share, and what one call remembers.

use http::{Request, Response};
use http_body::Body;
use tokenflight_core::{
    Epoch, Generation,
    machine::{OriginId, Refused},
};

use super::{
    BearerBody, BearerOptions, Origins, Replay,
    attach::destination,
    keep::Head,
    limit::Limit,
    redirect::still_home,
    refusal::{AlsoRefused, Look, look},
    watch::Watch,
};
use crate::{
    session::{Ask, Session, Token},
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
        let replays = session.inner.parts.policy.replays > 0;
        let template = Mutex::new(inner.clone());
        Self { session, replay, origins, options, also_refused, below_redirects, template, replays }
    }

    pub(super) fn fresh(&self) -> S {
        lock(&self.template).clone()
    }

    /// How this request is to be treated.
    #[inline]
    pub(super) fn options_of<B>(&self, request: &Request<B>) -> BearerOptions {
        request.extensions().get().copied().unwrap_or(self.options)
    }

    /// The listed origin this request goes to; `None` if it must pass untouched.
    #[inline]
    pub(super) fn destination<B>(&self, request: &Request<B>, options: &BearerOptions) -> Option<OriginId> {
        let origin = destination(request, &self.origins).filter(|_| !options.is_untouched());
        if self.below_redirects { still_home(request, origin) } else { origin }
    }

    /// Splits a request into the one to send and what a replay needs. Copies first and attaches second, so that the copy
    /// never holds the token.
    #[inline]
    pub(super) fn prepare<B>(
        &self,
        request: Request<B>,
        options: &BearerOptions,
    ) -> (Request<K::Body>, Option<Kept<K::Kept>>)
    where
        K: Replay<B>,
    {
        if !self.replays || !options.may_replay(request.method()) {
            return (request.map(|body| self.replay.pass(body)), None);
        }
        let (parts, body) = request.into_parts();
        let head = Head::of(&parts);
        let (body, again) = self.replay.keep(&parts, body);
        let kept = head.zip(again).map(|(head, body)| {
            let limit = Limit::new(options, head.timeout(), &*self.session.inner.parts.time);
            Kept { head, body, limit }
        });
        (Request::from_parts(parts, body), kept)
    }

    /// Looks at a response; hands it back if it is not a refusal, with what it said passed on to the session. Only
    /// `watched` sessions want to know of successes that are plain at once.
    #[inline]
    pub(super) fn settle<R: Body>(
        &self,
        response: Response<R>,
        sent: Sent,
        watched: bool,
    ) -> Result<Response<BearerBody<R>>, Response<R>> {
        let session = &self.session.inner;
        match look(&response, &self.also_refused) {
            Look::Refused => return Err(response),
            Look::Stream => {
                return Ok(response.map(|body| BearerBody::watched(body, Watch::new(Arc::clone(session), sent))));
            }
            Look::Accepted if watched => session.accepted(sent.origin),
            Look::Accepted | Look::Nothing => {}
        }
        Ok(response.map(BearerBody::whole))
    }
}

/// What a replay is built from.
#[derive(Debug)]
pub(super) struct Kept<C> {
    head: Head,
    body: C,
    pub(super) limit: Limit,
}

impl<C> Kept<C> {
    /// The request again, without a token.
    pub(super) fn again<B, K: Replay<B, Kept = C>>(&self, replay: &K) -> Option<Request<K::Body>> {
        Some(self.head.rebuild(replay.again(&self.body)?))
    }
}

/// Which token a request carries, and where to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) epoch: Epoch,
    pub(super) generation: Generation,
    pub(super) origin: OriginId,
}

impl Sent {
    /// The question to ask after a refusal.
    pub(super) const fn refused(self, replays: u8) -> Ask {
        Ask::Refused(Refused::new(self.epoch, self.generation, self.origin).after_replays(replays))
    }

    /// Whether this token is a newer one of the same login, and not the same one again.
    pub(super) fn precedes(&self, token: &Token) -> bool {
        token.differs_from(self.epoch, self.generation)
    }
}
