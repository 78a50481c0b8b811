//! One body, two readers: the client that sends it for the first time, and after a refusal the layer, which needs the rest.
//!
//! The body lies between them, and what either reads of it is there for the other: reading on disturbs no send, however the
//! client treats a body it has begun to send. The lock is never held while the body is polled, woken for or dropped.

use std::{
    mem,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::ahead::Ahead;
use crate::sync::{Arc, Mutex, lock};

/// What a piece takes of the limit at least: a body may consist of very many very small ones.
const PIECE_BYTES: usize = 16;

/// What has been read of a body so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Read {
    pub(super) pieces: Vec<Bytes>,
    pub(super) trailers: Option<HeaderMap>,
}

struct Recording<B: Body> {
    /// The body; not there while it is polled, and not after its end.
    body: Option<Ahead<B>>,
    read: Read,
    /// How many of the pieces the client has had.
    sent: usize,
    /// What the layer has read and the client has not had yet, beside pieces.
    unsent: Option<Result<HeaderMap, B::Error>>,
    room: usize,
    end: End,
    /// Whether the client has let go of its end.
    gone: bool,
    /// Of the reader that waits: the client, and the layer.
    wakers: [Option<Waker>; 2],
    /// Whether the layer waits for the body to come back from the client's poll.
    contended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The body is still being read.
    Open,
    /// All of it is here.
    Complete,
    /// It was longer than the limit, it failed, or it is not needed any more.
    Lost,
}

const CLIENT: usize = 0;
const LAYER: usize = 1;

type Shared<B> = Arc<Mutex<Recording<B>>>;

/// Begins to record a body, up to this many bytes. The client's end, and the layer's.
pub(super) fn record<B: Body>(body: Ahead<B>, room: usize) -> (Recorder<B>, Player<B>) {
    let recording = Recording {
        body: Some(body),
        read: Read::default(),
        sent: 0,
        unsent: None,
        room,
        end: End::Open,
        gone: false,
        wakers: [None, None],
        contended: false,
    };
    let shared = Arc::new(Mutex::new(recording));
    (Recorder(Arc::clone(&shared)), Player(shared))
}

/// The client's end.
pub(super) struct Recorder<B: Body>(Shared<B>);

/// The layer's end. Dropping it ends the recording.
pub(super) struct Player<B: Body>(Shared<B>);

impl<B: Body + Unpin> Recorder<B> {
    /// The next frame.
    pub(super) fn poll_frame(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let mut body = {
            let mut waker = None;
            loop {
                let mut recording = lock(&self.0);
                if let Some(piece) = recording.read.pieces.get(recording.sent) {
                    let piece = piece.clone();
                    recording.sent += 1;
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                if let Some(unsent) = recording.unsent.take() {
                    return Poll::Ready(Some(unsent.map(Frame::trailers)));
                }
                if let Some(body) = recording.body.take() {
                    break body;
                }
                if recording.end != End::Open {
                    return Poll::Ready(None);
                }
                if recording.waits(CLIENT, &mut waker) {
                    return Poll::Pending;
                }
                drop(recording);
                waker = Some(cx.waker().clone());
            }
        };
        let frame = body.poll_frame(cx);
        let mut waker = frame.is_pending().then(|| cx.waker().clone());
        let mut recording = lock(&self.0);
        let mut lost = Read::default();
        if let Poll::Ready(frame) = &frame {
            lost = recording.take(frame.as_ref(), &body);
            recording.sent = recording.read.pieces.len();
        } else {
            recording.waits(CLIENT, &mut waker);
        }
        // With the body back, and perhaps more of it read.
        let wakes = frame.is_ready() || mem::take(&mut recording.contended);
        let layer = if wakes { recording.wakers[LAYER].take() } else { None };
        recording.body = Some(body);
        drop(recording);
        drop((lost, waker));
        if let Some(layer) = layer {
            layer.wake();
        }
        frame
    }

    pub(super) fn is_end_stream(&self) -> bool {
        let recording = lock(&self.0);
        recording.is_read() && recording.body.as_ref().map_or(recording.end != End::Open, Ahead::is_end_stream)
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let recording = lock(&self.0);
        let unsent = recording.read.pieces.get(recording.sent..).unwrap_or_default();
        let unsent = unsent.iter().map(|piece| piece.len() as u64).sum();
        match &recording.body {
            Some(body) => body.size_hint_after(unsent),
            None if recording.end == End::Open => SizeHint::new(),
            None => SizeHint::with_exact(unsent),
        }
    }

    /// The body, if there is nothing more to record and nothing in between.
    pub(super) fn take_rest(&self) -> Option<Ahead<B>> {
        let mut recording = lock(&self.0);
        if recording.end == End::Open || !recording.is_read() { None } else { recording.body.take() }
    }
}

impl<B: Body> Drop for Recorder<B> {
    fn drop(&mut self) {
        let mut recording = lock(&self.0);
        recording.gone = true;
        let waker = recording.wakers[LAYER].take();
        let rest = if recording.end == End::Open { None } else { recording.body.take() };
        drop(recording);
        drop(rest);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<B: Body + Unpin> Player<B> {
    /// All of the body, read on if its length is known. `None` if it is not to be had: it failed, it was too long, or
    /// where its end is not known it has not ended.
    pub(super) fn poll_whole(&self, cx: &mut Context<'_>) -> Poll<Option<Read>> {
        let mut waker = None;
        loop {
            let mut recording = lock(&self.0);
            match recording.end {
                End::Complete => return Poll::Ready(Some(recording.read.clone())),
                End::Lost => return Poll::Ready(None),
                End::Open => {}
            }
            let Some(body) = recording.body.take() else {
                if recording.gone {
                    return Poll::Ready(None);
                }
                recording.contended = true;
                if recording.waits(LAYER, &mut waker) {
                    return Poll::Pending;
                }
                drop(recording);
                waker = Some(cx.waker().clone());
                continue;
            };
            drop(recording);
            if self.read(body, cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Reads one frame, for the client too. Pending while announced data is waited for.
    fn read(&self, mut body: Ahead<B>, cx: &mut Context<'_>) -> Poll<()> {
        let left = body.size_hint().exact();
        let frame = body.poll_frame(cx);
        // Data that is announced comes. Trailers, and an end that was not announced, may not.
        let pends = frame.is_pending() && left.is_some_and(|left| left > 0);
        let mut waker = pends.then(|| cx.waker().clone());
        let mut recording = lock(&self.0);
        let mut lost = Read::default();
        // What has not ended by now is waited for only if it is announced.
        let mut unannounced = frame.is_pending() && !pends;
        if let Poll::Ready(frame) = frame {
            lost = recording.take(frame.as_ref(), &body);
            unannounced =
                left.is_none() && frame.as_ref().is_some_and(|frame| frame.as_ref().is_ok_and(Frame::is_data));
            match frame {
                Some(Err(error)) => recording.unsent = Some(Err(error)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) if recording.end == End::Lost => recording.read.pieces.push(piece),
                    Ok(_) => {}
                    Err(frame) => recording.unsent = frame.into_trailers().ok().map(Ok),
                },
                None => {}
            }
        }
        let mut ends = Read::default();
        if recording.end == End::Open && unannounced {
            ends = recording.lose();
        }
        if pends {
            recording.waits(LAYER, &mut waker);
        }
        // Its own poll was forgotten for this one.
        let client = recording.wakers[CLIENT].take();
        recording.body = Some(body);
        drop(recording);
        drop((lost, ends, waker));
        if let Some(client) = client {
            client.wake();
        }
        if pends { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl<B: Body> Drop for Player<B> {
    fn drop(&mut self) {
        let mut recording = lock(&self.0);
        let lost = recording.lose();
        let rest = if recording.gone { recording.body.take() } else { None };
        drop(recording);
        drop((lost, rest));
    }
}

impl<B: Body> Recording<B> {
    /// Takes note of what was read; gives back what is not needed any more.
    fn take(&mut self, frame: Option<&Result<Frame<Bytes>, B::Error>>, body: &Ahead<B>) -> Read {
        if self.end != End::Open {
            return Read::default();
        }
        let Some(frame) = frame else {
            self.end = End::Complete;
            return Read::default();
        };
        let fits = match frame {
            Err(_) => false,
            Ok(frame) => match (frame.data_ref(), frame.trailers_ref()) {
                (Some(piece), _) => {
                    let fits = self.has_room(piece.len().max(PIECE_BYTES));
                    if fits {
                        self.read.pieces.push(piece.clone());
                    }
                    fits
                }
                (_, Some(trailers)) => {
                    // What a header takes beside its text is about what a small piece takes.
                    let size = trailers.iter().map(|(name, value)| name.as_str().len() + value.len() + PIECE_BYTES);
                    let fits = self.has_room(size.sum());
                    if fits && !trailers.is_empty() {
                        self.read.trailers = Some(trailers.clone());
                    }
                    fits
                }
                // A kind of frame that this version of `http-body` does not know cannot be kept.
                _ => false,
            },
        };
        if !fits {
            return self.lose();
        }
        if body.is_end_stream() {
            // A client that sends it need not look for more.
            self.end = End::Complete;
        }
        Read::default()
    }

    fn has_room(&mut self, size: usize) -> bool {
        let room = self.room.checked_sub(size);
        self.room = room.unwrap_or(self.room);
        room.is_some()
    }

    /// Stops recording; gives back what the client has had already.
    fn lose(&mut self) -> Read {
        self.end = End::Lost;
        let mut pieces = mem::take(&mut self.read.pieces);
        self.read.pieces = pieces.split_off(self.sent.min(pieces.len()));
        self.sent = 0;
        Read { pieces, trailers: self.read.trailers.take() }
    }

    /// Whether the client has had everything that was read.
    fn is_read(&self) -> bool {
        self.sent >= self.read.pieces.len() && self.unsent.is_none()
    }

    /// Leaves a waker, if there is one, and takes the one before out of the lock.
    fn waits(&mut self, reader: usize, waker: &mut Option<Waker>) -> bool {
        let left = waker.is_some();
        if left {
            mem::swap(&mut self.wakers[reader], waker);
        }
        left
    }
}
