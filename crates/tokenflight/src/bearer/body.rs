use std::{
    any::Any,
    collections::VecDeque,
    fmt,
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use http::{Response, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tokenflight_core::Time;
use tokenflight_machine::OriginId;

use super::{
    refusal::{AlsoRefused, Verdict, inspect},
    sent::Sent,
    watch::Watch,
};
use crate::{slot::Inner, sync::Arc, time::Deadline};

/// How much of a refused response is kept while a newer token is awaited, and how long it is read.
const REFUSAL_BYTES: usize = 16 * 1024;
const REFUSAL_TIME: Duration = Duration::from_millis(250);

/// What a frame takes at least: a body without an end may consist of empty ones, which come as fast
/// as they are asked for.
const FRAME_BYTES: usize = 16;

pin_project! {
    /// The body of a response from the layer: the inner service's, or what was kept of a refusal's.
    ///
    /// A refusal's body is let go of before a newer token is waited for, because holding it could
    /// hold the connection that the refresh or the replay needs. If there is no better answer after
    /// all, the caller gets what was read of it within 16 KiB and a quarter of a second. A body
    /// that is not [whole](Self::is_whole) then has [`Shortened`] in the response's extensions, and
    /// no `Content-Length`; one that broke off ends in its error.
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
        Whole { #[pin] body: R, watch: Option<Box<Watch>> },
        Kept { kept: Kept<R> },
    }
}

/// In the extensions of a refusal whose body was shortened; see [`BearerBody`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shortened;

/// What is kept of a refusal's body.
pub(super) struct Kept<R: Body> {
    frames: VecDeque<Frame<R::Data>>,
    end: End<R::Error>,
}

/// What follows the frames that were kept.
enum End<E> {
    /// Nothing: they are all there were.
    Whole,
    /// More that was not read.
    Cut,
    Broken(E),
    /// Nothing, after an error that has been told.
    Told,
}

/// The token was refused.
pub(super) struct Refused;

/// Looks at the response to a request with this token, and says in it what the server finds
/// missing. The watch for its trailers, if they are still to say something. It stays where it is:
/// moving it costs more than looking at it.
///
/// # Errors
///
/// The token was refused.
#[inline(always)]
pub(super) fn judged<R>(
    response: &mut Response<R>,
    also: &AlsoRefused,
    session: &Arc<Inner>,
    sent: Sent,
) -> Result<Option<Box<Watch>>, Refused> {
    match inspect(response, also) {
        Verdict::Nothing => Ok(None),
        Verdict::Refused => Err(Refused),
        Verdict::Missing(challenge) => {
            response.extensions_mut().insert(*challenge);
            Ok(None)
        }
        Verdict::Stream => Ok(Some(Box::new(Watch::new(Arc::clone(session), also.clone(), sent, response.status())))),
    }
}

impl<R: Body> BearerBody<R> {
    /// The response to a request with this token, for the caller.
    ///
    /// # Errors
    ///
    /// The response as it came: the token was refused.
    pub(super) fn passed(
        mut response: Response<R>,
        also: &AlsoRefused,
        session: &Arc<Inner>,
        sent: Sent,
    ) -> Result<Response<Self>, Response<R>> {
        match judged(&mut response, also, session, sent) {
            Ok(watch) => Ok(response.map(|body| Self::new(body, watch))),
            Err(Refused) => Err(response),
        }
    }

    /// It is the answer to a request that was sent again: what the origin makes of the token is
    /// known, unless the trailers are still to say it.
    pub(super) fn accepted(&mut self, session: &Inner, origin: OriginId) {
        match &mut self.state {
            State::Whole { watch: Some(watch), .. } => watch.mark_replayed(),
            _ => session.accepted(origin),
        }
    }

    /// As it came; with its trailers watched, if they are still to say something.
    #[inline]
    pub(super) const fn new(body: R, watch: Option<Box<Watch>>) -> Self {
        Self { state: State::Whole { body, watch } }
    }

    /// As it came.
    #[inline]
    pub(super) const fn whole(body: R) -> Self {
        Self::new(body, None)
    }

    /// Whether all of the body is here, or still to come.
    pub const fn is_whole(&self) -> bool {
        match &self.state {
            State::Whole { .. } => true,
            State::Kept { kept } => matches!(kept.end, End::Whole),
        }
    }

    /// The inner service's body; `None` of a refusal whose body was let go of. How a gRPC call
    /// ended is not noticed any more, if that was still to come.
    pub fn into_inner(self) -> Option<R> {
        match self.state {
            State::Whole { body, .. } => Some(body),
            State::Kept { .. } => None,
        }
    }
}

/// An empty body.
impl<R: Body> Default for BearerBody<R> {
    fn default() -> Self {
        Self { state: State::Kept { kept: Kept { frames: VecDeque::new(), end: End::Whole } } }
    }
}

impl<R: Body + 'static> BearerBody<R> {
    /// Lets go of a refusal's body: what is left to read of it, and where that is kept.
    pub(super) fn let_go(&mut self) -> Option<(R, &mut Kept<R>)> {
        let nothing = State::Kept { kept: Kept { frames: VecDeque::new(), end: End::Whole } };
        let State::Whole { body, .. } = std::mem::replace(&mut self.state, nothing) else { return None };
        match &mut self.state {
            State::Kept { kept } if !body.is_end_stream() => {
                kept.end = End::Cut;
                Some((body, kept))
            }
            _ => None,
        }
    }

    /// A refusal, whose body was let go of, as it is handed on.
    pub(super) fn handed_on(mut refusal: Response<Self>) -> Response<Self> {
        if matches!(&refusal.body().state, State::Kept { kept } if matches!(kept.end, End::Cut)) {
            refusal.headers_mut().remove(CONTENT_LENGTH);
            refusal.extensions_mut().insert(Shortened);
        }
        refusal
    }
}

impl<R: Body + 'static> Kept<R> {
    /// Reads the body up to a limit of bytes and time, then lets go of it.
    pub(super) async fn read(&mut self, body: R, time: Arc<dyn Time>) {
        let mut body = pin!(body);
        let mut room = REFUSAL_BYTES;
        // Made when the body makes wait: few do.
        let mut limit = None;
        self.end = poll_fn(|cx| {
            loop {
                if body.is_end_stream() {
                    return Poll::Ready(End::Whole);
                }
                let Poll::Ready(frame) = body.as_mut().poll_frame(cx) else { break };
                match frame {
                    Some(Ok(frame)) => match room.checked_sub(size(&frame)) {
                        Some(left) => {
                            room = left;
                            self.frames.push_back(frame);
                        }
                        None => {
                            self.frames.extend(cut(frame, room));
                            return Poll::Ready(End::Cut);
                        }
                    },
                    Some(Err(error)) => return Poll::Ready(End::Broken(error)),
                    None => return Poll::Ready(End::Whole),
                }
            }
            let limit = limit.get_or_insert_with(|| Box::pin(Deadline::after(Arc::clone(&time), REFUSAL_TIME)));
            limit.as_mut().poll(cx).map(|_| End::Cut)
        })
        .await;
    }
}

fn size<D: Buf>(frame: &Frame<D>) -> usize {
    frame.data_ref().map_or(0, Buf::remaining).max(FRAME_BYTES)
}

/// As much of the frame as there is room for, if its data can be cut: `Bytes` can.
fn cut<D: Buf + 'static>(frame: Frame<D>, room: usize) -> Option<Frame<D>> {
    let mut data = frame.into_data().ok()?;
    let bytes = (&mut data as &mut dyn Any).downcast_mut::<Bytes>()?;
    bytes.truncate(room);
    let is_something = !bytes.is_empty();
    is_something.then(|| Frame::data(data))
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
            StateProj::Kept { kept } => Poll::Ready(match kept.frames.pop_front() {
                Some(frame) => Some(Ok(frame)),
                None if matches!(kept.end, End::Broken(_)) => match std::mem::replace(&mut kept.end, End::Told) {
                    End::Broken(error) => Some(Err(error)),
                    _ => None,
                },
                None => None,
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Whole { body, .. } => body.is_end_stream(),
            State::Kept { kept } => kept.frames.is_empty() && !matches!(kept.end, End::Broken(_)),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Whole { body, .. } => body.size_hint(),
            State::Kept { kept } if matches!(kept.end, End::Broken(_)) => SizeHint::new(),
            State::Kept { kept } => {
                let data = kept.frames.iter().filter_map(Frame::data_ref);
                SizeHint::with_exact(data.map(|data| data.remaining() as u64).sum())
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
