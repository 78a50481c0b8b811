//! What all calls of a service share, and what one call remembers.

use http::Request;
use tokenflight_core::{
    Epoch, Generation,
    machine::{OriginId, Refused},
};

use super::{Origins, Replay, keep::Head};
use crate::{
    session::{Ask, Session, Token},
    sync::{Mutex, lock},
};

/// What all clones of a service share.
pub(super) struct Shared<S, K> {
    pub(super) session: Session,
    pub(super) origins: Origins,
    pub(super) replay: K,
    /// A service to clone for a wait or a replay; behind a lock so that it need not be `Sync`.
    template: Mutex<S>,
    /// Whether requests are kept at all.
    replays: bool,
}

impl<S: Clone, K> Shared<S, K> {
    pub(super) fn new(inner: &S, session: Session, origins: Origins, replay: K) -> Self {
        let replays = session.inner.parts.policy.replays > 0;
        Self { session, origins, replay, template: Mutex::new(inner.clone()), replays }
    }

    pub(super) fn fresh(&self) -> S {
        lock(&self.template).clone()
    }

    /// Splits a request into the one to send and what a replay needs. Copies first and attaches second, so that the copy
    /// never holds the token.
    pub(super) fn prepare<B>(&self, request: Request<B>) -> (Request<K::Body>, Option<Kept<K::Kept>>)
    where
        K: Replay<B>,
    {
        if !self.replays {
            return (request.map(|body| self.replay.pass(body)), None);
        }
        let head = Head::of(&request);
        let mut kept = None;
        let request = request.map(|body| {
            let (body, again) = self.replay.keep(body);
            kept = head.zip(again).map(|(head, body)| Kept { head, body });
            body
        });
        (request, kept)
    }
}

/// What a replay is built from.
#[derive(Debug)]
pub(super) struct Kept<C> {
    head: Head,
    body: C,
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

    /// Whether this token is a newer one of the same login.
    pub(super) fn precedes(&self, token: &Token) -> bool {
        token.generation() > self.generation && token.epoch() == self.epoch
    }
}
