use std::{
    fmt,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, header::UPGRADE};
use http_body::Body;

use super::{
    ReplayBody,
    ahead::Ahead,
    keep::sealed::Replay,
    recording::{Player, record},
};
use crate::bearer::grpc;

/// Bytes of one body kept for a replay, unless told otherwise.
const LIMIT: usize = 64 * 1024;

/// Keeps bodies by recording what is read of them, and gives the client the body type it wants,
/// made by a constructor; what [`BearerLayer::replay_with`](crate::BearerLayer::replay_with) does.
///
/// A recording shares the body's bytes (of very many small pieces it copies them), is bounded, and
/// goes away as soon as the response is no refusal. Only a whole recording is played back, trailers
/// included. If a server refuses before it has read all of a body:
///
/// | body | kept |
/// |---|---|
/// | empty, or whole in memory (`Full`, and any framework body that holds one) | always up to the limit, without an allocation |
/// | of a known length up to the limit | recorded, and after a refusal read on to its end, trailers included |
/// | of an unknown length | a gRPC message, which never states one, or if [opted in](crate::BearerLayer::replay_unknown_length); only if it had ended by the refusal |
/// | longer than the limit, or of a request that upgrades its connection | no |
#[derive(Clone, Copy, Debug)]
pub struct Recorded<C> {
    construct: C,
    limit: usize,
    unknown_length: bool,
}

impl<C> Recorded<C> {
    pub(in crate::bearer) const fn new(construct: C) -> Self {
        Self { construct, limit: LIMIT, unknown_length: false }
    }

    pub(in crate::bearer) fn limit(self, bytes: usize) -> Self {
        Self { limit: bytes, ..self }
    }

    pub(in crate::bearer) fn unknown_length(self) -> Self {
        Self { unknown_length: true, ..self }
    }

    /// Whether a body may be recorded: it promises to fit, or it was asked to take the risk.
    fn fits<B: Body>(&self, headers: &HeaderMap, body: &B, grpc: bool) -> bool {
        let (hint, limit) = (body.size_hint(), self.limit as u64);
        let promised = hint.upper().is_some_and(|most| most <= limit);
        let dared = hint.exact().is_none() && hint.lower() <= limit && (self.unknown_length || grpc);
        (promised || dared) && !headers.contains_key(UPGRADE)
    }

    /// The body that is sent, and what is kept of it.
    fn split<B: Body + Unpin>(&self, headers: &HeaderMap, body: B) -> (ReplayBody<B>, Option<Kept<B>>) {
        if body.is_end_stream() {
            return (ReplayBody::whole(None), Some(Kept(Inner::Whole(None))));
        }
        let grpc = grpc::is_grpc(headers);
        if !self.fits(headers, &body, grpc) {
            return (ReplayBody::passed(Ahead::nothing(body)), None);
        }
        // What is in memory need not be recorded. A gRPC message does not tell its end by length.
        let body =
            if grpc || body.size_hint().exact().is_some() { Ahead::read(body, grpc) } else { Ahead::nothing(body) };
        if let Some(piece) = body.only_piece() {
            let kept = (piece.len() <= self.limit).then(|| Kept(Inner::Whole(Some(piece.clone()))));
            return (ReplayBody::whole(Some(piece.clone())), kept);
        }
        let (recorder, player) = record(body, self.limit);
        (ReplayBody::recorded(recorder), Some(Kept(Inner::Recording(player))))
    }
}

/// What is kept of a body.
#[expect(unnameable_types, reason = "of a sealed trait")]
pub struct Kept<B: Body>(Inner<B>);

impl<B: Body> fmt::Debug for Kept<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept(..)")
    }
}

enum Inner<B: Body> {
    /// All of it: nothing, or the one piece it consisted of.
    Whole(Option<Bytes>),
    /// What is read of it.
    Recording(Player<B>),
}

impl<B, C, T> Replay<B> for Recorded<C>
where
    B: Body + Unpin + Send + 'static,
    B::Error: Send,
    C: Fn(ReplayBody<B>) -> T + Clone + Send + Sync + 'static,
    T: Send + 'static,
{
    type Body = T;
    type Kept = Kept<B>;

    fn pass(&self, request: Request<B>) -> Request<T> {
        request.map(|body| (self.construct)(ReplayBody::passed(Ahead::nothing(body))))
    }

    fn keep(&self, request: Request<B>) -> (Request<T>, Option<Kept<B>>) {
        let (head, body) = request.into_parts();
        let (body, kept) = self.split(&head.headers, body);
        (Request::from_parts(head, (self.construct)(body)), kept)
    }

    fn poll_again(&self, kept: &mut Kept<B>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let body = match &kept.0 {
            Inner::Whole(piece) => Some(ReplayBody::whole(piece.clone())),
            Inner::Recording(player) => std::task::ready!(player.poll_whole(cx)).map(ReplayBody::played),
        };
        Poll::Ready(body.map(&self.construct))
    }
}
