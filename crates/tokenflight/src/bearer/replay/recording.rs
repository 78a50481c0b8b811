//! One body, two readers: the client that sends it for the first time, and after a refusal the
//! layer, which needs the rest.
//!
//! The body lies between them, and what either reads of it is there for the other: reading on
//! disturbs no send, however the client treats a body it has begun to send. The lock is never held
//! while the body is polled, asked, woken for or dropped. *Test*: `tests/layer`,
//! `a_body_is_asked_nothing_with_its_recording_locked`.

use std::{
    mem,
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::{
    ahead::{Ahead, longer},
    pieces::Pieces,
};
use crate::sync::{Arc, Mutex, lock};

/// How many frames without data are read: they come as fast as they are asked for, and there may be
/// no end of them.
const MOST_EMPTY: u16 = 1024;

/// What trailers may take, beside the limit of the data: as much as servers allow for headers. A
/// field takes so much beside its text (RFC 9113 §6.5.2).
const TRAILER_BYTES: usize = 16 * 1024;
const FIELD_BYTES: usize = 32;

/// All of a body.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) pieces: Vec<Bytes>,
    pub(super) trailers: Option<HeaderMap>,
    /// Whether its size was known before it was read.
    pub(super) measured: bool,
}

struct Recording<B: Body> {
    /// The body; not there while it is polled, and not after its end.
    body: Option<Ahead<B>>,
    /// Whether its size was known at first, and what it said of the rest when it was put here.
    measured: bool,
    rest: Rest,
    pieces: Pieces,
    trailers: Option<HeaderMap>,
    /// What the layer has read and the client has not had yet, beside pieces.
    unsent: Option<Result<HeaderMap, B::Error>>,
    /// How many more bytes and how many more frames without any are kept.
    room: usize,
    empty: u16,
    end: End,
    /// Whether the client has let go of its end.
    gone: bool,
    /// Of the reader that waits: the client, and the layer.
    wakers: [Option<Waker>; 2],
    /// Whether the layer waits for the body to come back from the client's poll.
    contended: bool,
}

/// What a body says of what is left of it.
struct Rest {
    size: SizeHint,
    ends: bool,
}

impl Rest {
    fn of<B: Body>(body: &Ahead<B>) -> Self {
        Self { size: body.size_hint(), ends: body.is_end_stream() }
    }
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

/// What was kept and is not needed any more: to be dropped with nothing locked.
type Lost = (Pieces, Option<HeaderMap>);

type Shared<B> = Arc<Mutex<Recording<B>>>;

/// Begins to record a body, up to this many bytes. The client's end, and the layer's.
pub(super) fn record<B: Body>(body: Ahead<B>, room: usize) -> (Recorder<B>, Player<B>) {
    let recording = Recording {
        measured: body.size_hint().exact().is_some(),
        rest: Rest::of(&body),
        body: Some(body),
        pieces: Pieces::default(),
        trailers: None,
        unsent: None,
        room,
        empty: MOST_EMPTY,
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
                if let Some(piece) = recording.pieces.next() {
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
        let rest = Rest::of(&body);
        let mut waker = frame.is_pending().then(|| cx.waker().clone());
        let mut recording = lock(&self.0);
        recording.rest = rest;
        let mut lost = Lost::default();
        if let Poll::Ready(frame) = &frame {
            lost = recording.take(frame.as_ref());
            recording.pieces.all_sent();
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
        recording.is_read() && recording.rest.ends
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let recording = lock(&self.0);
        longer(&recording.rest.size, recording.pieces.unsent() as u64)
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
    /// All of the body, read on if its length is known. `None` if it is not to be had: it failed,
    /// it was too long, or where its end is not known it has not ended.
    pub(super) fn poll_whole(&self, cx: &mut Context<'_>) -> Poll<Option<Read>> {
        let mut waker = None;
        loop {
            let mut recording = lock(&self.0);
            match recording.end {
                End::Complete => {
                    let (pieces, trailers) = (recording.pieces.all(), recording.trailers.clone());
                    return Poll::Ready(Some(Read { pieces, trailers, measured: recording.measured }));
                }
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

    /// Reads one frame, for the client too. Pending on announced data, and on what may follow it.
    fn read(&self, mut body: Ahead<B>, cx: &mut Context<'_>) -> Poll<()> {
        let announced = body.size_hint().exact().is_some();
        let frame = body.poll_frame(cx);
        let rest = Rest::of(&body);
        // A body of a known size has an end. Another one is not waited for.
        let pends = frame.is_pending() && announced;
        let mut waker = pends.then(|| cx.waker().clone());
        let mut recording = lock(&self.0);
        recording.rest = rest;
        let mut lost = Lost::default();
        let mut unannounced = frame.is_pending() && !pends;
        if let Poll::Ready(frame) = frame {
            lost = recording.take(frame.as_ref());
            unannounced = !announced && frame.as_ref().is_some_and(|frame| frame.as_ref().is_ok_and(Frame::is_data));
            match frame {
                Some(Err(error)) => recording.unsent = Some(Err(error)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) if recording.end == End::Lost => recording.pieces.push(piece),
                    Ok(_) => {}
                    Err(frame) => recording.unsent = frame.into_trailers().ok().map(Ok),
                },
                None => {}
            }
        }
        let mut ends = Lost::default();
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
    fn take(&mut self, frame: Option<&Result<Frame<Bytes>, B::Error>>) -> Lost {
        if self.end != End::Open {
            return Lost::default();
        }
        let Some(frame) = frame else {
            self.end = End::Complete;
            return Lost::default();
        };
        if !frame.as_ref().is_ok_and(|frame| self.keep(frame)) {
            return self.lose();
        }
        if self.rest.ends {
            // A client that sends it need not look for more.
            self.end = End::Complete;
        }
        Lost::default()
    }

    /// Keeps a frame, if it fits.
    fn keep(&mut self, frame: &Frame<Bytes>) -> bool {
        match (frame.data_ref(), frame.trailers_ref()) {
            (Some(piece), _) if piece.is_empty() => {
                self.empty = self.empty.saturating_sub(1);
                self.empty > 0
            }
            (Some(piece), _) => {
                let Some(room) = self.room.checked_sub(piece.len()) else { return false };
                self.room = room;
                self.pieces.push(piece.clone());
                true
            }
            (_, Some(trailers)) => {
                let sizes = trailers.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD_BYTES);
                let fits = sizes.sum::<usize>() <= TRAILER_BYTES;
                if fits && !trailers.is_empty() {
                    self.trailers = Some(trailers.clone());
                }
                fits
            }
            // A kind of frame that this version of `http-body` does not know cannot be kept.
            _ => false,
        }
    }

    /// Stops recording; gives back what the client has had already.
    fn lose(&mut self) -> Lost {
        self.end = End::Lost;
        (self.pieces.take_sent(), self.trailers.take())
    }

    /// Whether the client has had everything that was read.
    fn is_read(&self) -> bool {
        self.pieces.unsent() == 0 && self.unsent.is_none()
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
