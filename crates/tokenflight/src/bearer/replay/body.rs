use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    vec,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::{
    ahead::Ahead,
    recording::{Read, Recorder},
};

/// The body a client is given by a layer that [records](super::Recorded): the request's own while
/// it is read for the first time, or what was recorded of it.
///
/// It has the size, the end, the trailers and the error of the request's body `B`, and its data as
/// [`Bytes`], shared where `B`'s can be.
pub struct ReplayBody<B: Body>(State<B>);

enum State<B: Body> {
    /// What one piece, or none, is all of.
    Whole(Option<Bytes>),
    /// Read for the first time and recorded.
    First(Recorder<B>),
    /// Read for the first time, and not recorded.
    Passed(Ahead<B>),
    /// Played back.
    Again { pieces: vec::IntoIter<Bytes>, trailers: Option<HeaderMap>, measured: bool },
}

impl<B: Body> ReplayBody<B> {
    pub(super) const fn whole(piece: Option<Bytes>) -> Self {
        Self(State::Whole(piece))
    }

    pub(super) const fn passed(body: Ahead<B>) -> Self {
        Self(State::Passed(body))
    }

    pub(super) const fn recorded(recorder: Recorder<B>) -> Self {
        Self(State::First(recorder))
    }

    pub(super) fn played(read: Read) -> Self {
        let Read { pieces, trailers, measured } = read;
        Self(State::Again { pieces: pieces.into_iter(), trailers, measured })
    }
}

impl<B: Body + Unpin> ReplayBody<B> {
    /// The data, if the body is no more than one piece of data that is in memory. A client may do
    /// with such a body what it cannot do with a stream, as sending it again by itself.
    ///
    /// # Errors
    ///
    /// Any other body, as it was.
    #[expect(clippy::result_large_err, reason = "the body, which a box would only make dearer")]
    pub fn into_whole(self) -> Result<Bytes, Self> {
        match self.0 {
            State::Whole(piece) => Ok(piece.unwrap_or_default()),
            State::Passed(body) => {
                let body = if body.size_hint().exact().is_some() { body.read_on(false) } else { body };
                match body.only_piece() {
                    Some(piece) => Ok(piece.clone()),
                    None if body.is_end_stream() => Ok(Bytes::new()),
                    None => Err(Self::passed(body)),
                }
            }
            State::First(_) | State::Again { .. } => Err(self),
        }
    }
}

impl<B: Body + Unpin> Body for ReplayBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match &mut self.0 {
            State::Whole(piece) => Poll::Ready(piece.take().map(|piece| Ok(Frame::data(piece)))),
            State::First(recorder) => {
                let frame = recorder.poll_frame(cx);
                if let Some(rest) = recorder.take_rest() {
                    self.0 = State::Passed(rest);
                }
                frame
            }
            State::Passed(body) => body.poll_frame(cx),
            State::Again { pieces, trailers, .. } => {
                let frame = pieces.next().map(Frame::data).or_else(|| trailers.take().map(Frame::trailers));
                Poll::Ready(frame.map(Ok))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            State::Whole(piece) => piece.is_none(),
            State::First(recorder) => recorder.is_end_stream(),
            State::Passed(body) => body.is_end_stream(),
            State::Again { pieces, trailers, .. } => pieces.len() == 0 && trailers.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            State::Whole(piece) => SizeHint::with_exact(piece.as_ref().map_or(0, |piece| piece.len() as u64)),
            State::First(recorder) => recorder.size_hint(),
            State::Passed(body) => body.size_hint(),
            State::Again { pieces, trailers, measured } => {
                let size = pieces.as_slice().iter().map(|piece| piece.len() as u64).sum();
                // Over HTTP/1.1 a body of a stated size has no trailers (RFC 9112 §7.1.2).
                if *measured || trailers.is_none() { SizeHint::with_exact(size) } else { at_least(size) }
            }
        }
    }
}

fn at_least(size: u64) -> SizeHint {
    let mut hint = SizeHint::new();
    hint.set_lower(size);
    hint
}

/// Nothing in it is ever pinned.
impl<B: Body + Unpin> Unpin for ReplayBody<B> {}

impl<B: Body> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            State::Whole(_) => "ReplayBody(whole)",
            State::First(_) => "ReplayBody(recorded)",
            State::Passed(_) => "ReplayBody(passed)",
            State::Again { .. } => "ReplayBody(again)",
        })
    }
}
