use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
    vec,
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::{
    ahead::Ahead,
    tape::{Recorder, Recording},
};

/// The body a client is given by a layer that [records](super::Recorded): the request's own while it is read for the first
/// time, or what was recorded of it.
///
/// It has the size, the end, the trailers and the error of the request's body `B`, and its data as [`Bytes`], shared where
/// `B`'s can be.
pub struct ReplayBody<B: Body>(State<B>);

enum State<B: Body> {
    /// What one piece, or none, is all of.
    Whole(Option<Bytes>),
    /// Read for the first time; recorded for as long as that is of use.
    First { body: Ahead<B>, recorder: Option<Recorder> },
    /// Played back.
    Again { pieces: vec::IntoIter<Bytes>, trailers: Option<HeaderMap> },
}

impl<B: Body> ReplayBody<B> {
    pub(super) const fn whole(piece: Option<Bytes>) -> Self {
        Self(State::Whole(piece))
    }

    pub(super) const fn passed(body: B) -> Self {
        Self(State::First { body: Ahead::nothing(body), recorder: None })
    }

    pub(super) const fn recorded(body: Ahead<B>, recorder: Recorder) -> Self {
        Self(State::First { body, recorder: Some(recorder) })
    }

    pub(super) fn played(recording: Recording) -> Self {
        Self(State::Again { pieces: recording.pieces.into_iter(), trailers: recording.trailers })
    }
}

impl<B: Body + Unpin> Body for ReplayBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        match &mut self.0 {
            State::Whole(piece) => Poll::Ready(piece.take().map(|piece| Ok(Frame::data(piece)))),
            State::First { body, recorder } => {
                let frame = ready!(body.poll_frame(cx));
                if let Some(used) = recorder.take() {
                    *recorder = record(used, frame.as_ref(), body);
                }
                Poll::Ready(frame)
            }
            State::Again { pieces, trailers } => {
                let frame = pieces.next().map(Frame::data).or_else(|| trailers.take().map(Frame::trailers));
                Poll::Ready(frame.map(Ok))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            State::Whole(piece) => piece.is_none(),
            State::First { body, .. } => body.is_end_stream(),
            State::Again { pieces, trailers } => pieces.len() == 0 && trailers.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            State::Whole(piece) => SizeHint::with_exact(piece.as_ref().map_or(0, |piece| piece.len() as u64)),
            State::First { body, .. } => body.size_hint(),
            State::Again { pieces, .. } => {
                SizeHint::with_exact(pieces.as_slice().iter().map(|piece| piece.len() as u64).sum())
            }
        }
    }
}

/// Records what was read; gives the recorder back if there is more to record.
fn record<B: Body>(
    mut recorder: Recorder,
    frame: Option<&Result<Frame<Bytes>, B::Error>>,
    body: &Ahead<B>,
) -> Option<Recorder> {
    let goes_on = match frame {
        None => {
            recorder.complete();
            return None;
        }
        Some(Err(_)) => {
            recorder.lose();
            return None;
        }
        Some(Ok(frame)) => match (frame.data_ref(), frame.trailers_ref()) {
            (Some(piece), _) => recorder.data(piece),
            (_, Some(trailers)) => recorder.trailers(trailers),
            // A kind of frame that this version of `http-body` does not know cannot be kept.
            _ => false,
        },
    };
    if !goes_on {
        recorder.lose();
        return None;
    }
    if body.is_end_stream() {
        // Who sends it need not look for more.
        recorder.complete();
        return None;
    }
    if body.size_hint().exact() == Some(0) {
        recorder.all_data();
    }
    Some(recorder)
}

/// Nothing in it is ever pinned.
impl<B: Body + Unpin> Unpin for ReplayBody<B> {}

impl<B: Body> fmt::Debug for ReplayBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            State::Whole(_) => "ReplayBody(whole)",
            State::First { recorder: None, .. } => "ReplayBody(passed)",
            State::First { .. } => "ReplayBody(recorded)",
            State::Again { .. } => "ReplayBody(again)",
        })
    }
}
