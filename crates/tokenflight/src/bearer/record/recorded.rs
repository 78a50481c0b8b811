use bytes::Bytes;
use http::{HeaderMap, Request, header::UPGRADE};
use http_body::Body;

use super::{
    ReplayBody,
    ahead::Ahead,
    tape::{Player, blank},
};
use crate::bearer::{Replay, grpc};

/// Bytes of one body kept for a replay, unless told otherwise.
const LIMIT: usize = 64 * 1024;

/// Keeps bodies by recording what the first send reads, and gives the client the body type it wants, made by a
/// constructor; see [`BearerLayer::replay_with`](crate::BearerLayer::replay_with).
#[derive(Clone, Copy, Debug)]
pub struct Recorded<C> {
    construct: C,
    limit: usize,
    unknown_length: bool,
}

impl<C> Recorded<C> {
    pub(crate) const fn new(construct: C) -> Self {
        Self { construct, limit: LIMIT, unknown_length: false }
    }

    pub(crate) fn limit(self, bytes: usize) -> Self {
        Self { limit: bytes, ..self }
    }

    pub(crate) fn unknown_length(self) -> Self {
        Self { unknown_length: true, ..self }
    }

    /// Whether a body may be recorded: it promises to fit, or somebody has asked to take the risk.
    fn fits<B: Body>(&self, headers: &HeaderMap, body: &B, grpc: bool) -> bool {
        let (hint, limit) = (body.size_hint(), self.limit as u64);
        let promised = hint.upper().is_some_and(|most| most <= limit);
        let dared = hint.exact().is_none() && hint.lower() <= limit && (self.unknown_length || grpc);
        (promised || dared) && !headers.contains_key(UPGRADE)
    }

    /// The body that is sent, and what is kept of it.
    fn split<B: Body + Unpin>(&self, headers: &HeaderMap, body: B) -> (ReplayBody<B>, Option<Kept>) {
        if body.is_end_stream() {
            return (ReplayBody::whole(None), Some(Kept(Inner::Whole(None))));
        }
        let grpc = grpc::is_grpc(headers);
        if !self.fits(headers, &body, grpc) {
            return (ReplayBody::passed(body), None);
        }
        // What is in memory already need not be recorded. A gRPC message does not tell its end by its length.
        let body =
            if grpc || body.size_hint().exact().is_some() { Ahead::read(body, grpc) } else { Ahead::nothing(body) };
        if let Some(piece) = body.only_piece() {
            let kept = (piece.len() <= self.limit).then(|| Kept(Inner::Whole(Some(piece.clone()))));
            return (ReplayBody::whole(Some(piece.clone())), kept);
        }
        let (recorder, player) = blank(self.limit);
        (ReplayBody::recorded(body, recorder), Some(Kept(Inner::Tape(player))))
    }
}

/// What is kept of a body.
#[derive(Debug)]
pub struct Kept(Inner);

#[derive(Debug)]
enum Inner {
    /// All of it: nothing, or the one piece it consisted of.
    Whole(Option<Bytes>),
    /// What the first send reads of it.
    Tape(Player),
}

impl<B, C, T> Replay<B> for Recorded<C>
where
    B: Body + Unpin + Send + 'static,
    C: Fn(ReplayBody<B>) -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    type Body = T;
    type Kept = Kept;

    fn pass(&self, request: Request<B>) -> Request<T> {
        request.map(|body| (self.construct)(ReplayBody::passed(body)))
    }

    fn keep(&self, request: Request<B>, kept: &mut Option<Kept>) -> Request<T> {
        let (head, body) = request.into_parts();
        let (body, split) = self.split(&head.headers, body);
        *kept = split;
        Request::from_parts(head, (self.construct)(body))
    }

    fn again(&self, kept: &Kept) -> Option<T> {
        Some((self.construct)(match &kept.0 {
            Inner::Whole(piece) => ReplayBody::whole(piece.clone()),
            Inner::Tape(player) => ReplayBody::played(player.recording()?),
        }))
    }
}
