//! What a body had ready before it was waited for.

use std::{
    pin::Pin,
    task::{Context, Poll, Waker},
};

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};

/// A body, the beginning of which may have been read already.
pub(super) struct Ahead<B: Body> {
    body: B,
    read: [Option<Result<Frame<Bytes>, B::Error>>; 2],
    ended: bool,
}

impl<B: Body> Ahead<B> {
    pub(super) const fn nothing(body: B) -> Self {
        Self { body, read: [None, None], ended: false }
    }

    /// The data, if all there is is one piece of it.
    pub(super) fn only_piece(&self) -> Option<&Bytes> {
        match &self.read {
            [Some(Ok(only)), None] if self.ended || self.body.is_end_stream() => only.data_ref(),
            _ => None,
        }
    }

    pub(super) fn is_end_stream(&self) -> bool {
        self.read.iter().all(Option::is_none) && (self.ended || self.body.is_end_stream())
    }

    pub(super) fn size_hint(&self) -> SizeHint {
        let pieces = self.read.iter().flatten().filter_map(|frame| frame.as_ref().ok()?.data_ref());
        let rest = if self.ended { SizeHint::with_exact(0) } else { self.body.size_hint() };
        longer(&rest, pieces.map(|piece| piece.len() as u64).sum())
    }
}

impl<B: Body + Unpin> Ahead<B> {
    /// Reads the first frame if it is there already; with `two`, what follows it as well. A body
    /// that is not ready is polled again by the client that sends it, and wakes it then.
    pub(super) fn read(body: B, two: bool) -> Self {
        Self::nothing(body).read_on(two)
    }

    /// As [`read`](Self::read).
    pub(super) fn read_on(mut self, two: bool) -> Self {
        let mut cx = Context::from_waker(Waker::noop());
        for slot in 0..1 + usize::from(two) {
            if self.read[slot].is_some() {
                continue;
            }
            if self.ended || self.body.is_end_stream() {
                break;
            }
            match self.poll_body(&mut cx) {
                Poll::Ready(Some(frame)) => self.read[slot] = Some(frame),
                Poll::Ready(None) | Poll::Pending => break,
            }
        }
        self
    }

    pub(super) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match self.read.iter_mut().find_map(Option::take) {
            Some(frame) => Poll::Ready(Some(frame)),
            None if self.ended => Poll::Ready(None),
            None => self.poll_body(cx),
        }
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx).map(|frame| {
            // Nothing follows the end or an error.
            self.ended = !matches!(frame, Some(Ok(_)));
            frame.map(|frame| frame.map(shared))
        })
    }
}

/// The size of a rest with this much before it.
pub(super) fn longer(rest: &SizeHint, before: u64) -> SizeHint {
    let mut size = SizeHint::new();
    // The lower limit must not pass the upper one on the way.
    if let Some(upper) = rest.upper() {
        size.set_upper(upper.saturating_add(before));
    }
    size.set_lower(rest.lower().saturating_add(before));
    size
}

/// A frame whose bytes can be shared. Copies only where they could not be shared before.
fn shared<D: Buf>(frame: Frame<D>) -> Frame<Bytes> {
    frame.map_data(|mut data| data.copy_to_bytes(data.remaining()))
}
