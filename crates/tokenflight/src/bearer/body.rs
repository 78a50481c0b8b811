use std::{
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokenflight_core::Time;

use super::watch::Watch;
use crate::{sync::Arc, time::Deadline};

/// How much of a refused response is kept while a newer token is waited for, and for how long it is read.
const REFUSAL_BYTES: u64 = 16 * 1024;
const REFUSAL_TIME: Duration = Duration::from_millis(250);

/// What a frame takes at least: a body without an end may consist of empty ones, which come as fast as they are asked for.
const FRAME_BYTES: u64 = 16;

pin_project! {
    /// The body of a response that came through the layer: the inner service's, or what was kept of a refusal's.
    #[project = BearerBodyProj]
    pub struct BearerBody<R: Body> {
        #[pin]
        state: State<R>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<R: Body> {
        // As it came. While it is watched, its trailers say whether the token was good.
        Whole { #[pin] body: R, watch: Option<Watch> },
        // What was read of it before it was let go, because holding it could hold the connection that the refresh or the
        // replay needs.
        Kept { frames: VecDeque<Frame<R::Data>> },
    }
}

impl<R: Body> BearerBody<R> {
    #[inline]
    pub(super) const fn whole(body: R) -> Self {
        Self { state: State::Whole { body, watch: None } }
    }

    /// As it came; with its trailers watched, if they are still to say something.
    #[inline]
    pub(super) const fn new(body: R, watch: Option<Watch>) -> Self {
        Self { state: State::Whole { body, watch } }
    }

    /// Nothing was kept.
    pub(super) const fn empty() -> Self {
        Self { state: State::Kept { frames: VecDeque::new() } }
    }

    /// Reads the body of a refusal up to a limit of bytes and time, then lets go of it.
    pub(super) async fn kept(body: R, time: Arc<dyn Time>) -> Self {
        let mut frames = VecDeque::new();
        let mut room = REFUSAL_BYTES;
        {
            let mut body = pin!(body);
            let mut limit = Deadline::after(time, REFUSAL_TIME);
            while let Some(frame) = next_frame(body.as_mut(), &mut limit).await {
                let size = frame.data_ref().map_or(0, |data| bytes::Buf::remaining(data) as u64);
                let Some(rest) = room.checked_sub(size.max(FRAME_BYTES)) else { break };
                room = rest;
                frames.push_back(frame);
            }
        }
        Self { state: State::Kept { frames } }
    }
}

/// The next frame; none at the end, at an error, or when the time is over.
async fn next_frame<R: Body>(mut body: Pin<&mut R>, limit: &mut Deadline) -> Option<Frame<R::Data>> {
    poll_fn(|cx| {
        if let Poll::Ready(frame) = body.as_mut().poll_frame(cx) {
            return Poll::Ready(frame.and_then(Result::ok));
        }
        Pin::new(&mut *limit).poll(cx).map(|_| None)
    })
    .await
}

impl<R: Body> Body for BearerBody<R> {
    type Data = R::Data;
    type Error = R::Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<R::Data>, R::Error>>> {
        match self.project().state.project() {
            StateProj::Whole { body, watch } => {
                let frame = ready!(body.poll_frame(cx));
                if watch.is_some()
                    && let Some(Ok(frame)) = &frame
                    && let Some(trailers) = frame.trailers_ref()
                    && let Some(watch) = watch.take()
                {
                    watch.ended(trailers);
                }
                Poll::Ready(frame)
            }
            StateProj::Kept { frames } => Poll::Ready(frames.pop_front().map(Ok)),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Whole { body, .. } => body.is_end_stream(),
            State::Kept { frames } => frames.is_empty(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Whole { body, .. } => body.size_hint(),
            State::Kept { frames } => {
                let data = frames.iter().filter_map(Frame::data_ref);
                SizeHint::with_exact(data.map(|data| bytes::Buf::remaining(data) as u64).sum())
            }
        }
    }
}

impl<R: Body> fmt::Debug for BearerBody<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.state {
            State::Whole { .. } => "BearerBody(whole)",
            State::Kept { .. } => "BearerBody(kept)",
        })
    }
}
