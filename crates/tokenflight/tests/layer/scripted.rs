//! Response bodies that do what the script says, and tell what was done to them.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

/// A body of scripted frames.
#[derive(Debug)]
pub(crate) struct TestBody {
    frames: VecDeque<Frame<Bytes>>,
    end: End,
    probe: Probe,
}

/// What follows the frames.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// The end.
    Clean,
    /// The end, but the body does not know it before, nor its length.
    Ends,
    /// A broken connection.
    Broken,
    /// Nothing, for ever.
    Stalls,
    /// This again and again, for ever.
    Floods(Bytes),
    /// What is pushed meanwhile: so many bytes in all.
    Pushed(Push, u64),
}

/// The other end of a body that is filled while it is read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Push(Arc<Mutex<Pushed>>);

#[derive(Debug, Default)]
struct Pushed {
    frames: VecDeque<Result<Frame<Bytes>, Broken>>,
    ended: bool,
    reader: Option<Waker>,
}

impl Push {
    pub(crate) fn data(&self, text: &'static str) {
        self.act(|pushed| pushed.frames.push_back(Ok(Frame::data(Bytes::from_static(text.as_bytes())))));
    }

    pub(crate) fn trailers(&self, trailers: HeaderMap) {
        self.act(|pushed| pushed.frames.push_back(Ok(Frame::trailers(trailers))));
    }

    pub(crate) fn fail(&self) {
        self.act(|pushed| pushed.frames.push_back(Err(Broken)));
    }

    pub(crate) fn end(&self) {
        self.act(|pushed| pushed.ended = true);
    }

    fn act(&self, act: impl FnOnce(&mut Pushed)) {
        let mut pushed = self.0.lock().unwrap();
        act(&mut pushed);
        let reader = pushed.reader.take();
        drop(pushed);
        reader.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let mut pushed = self.0.lock().unwrap();
        match pushed.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None if pushed.ended => Poll::Ready(None),
            None => {
                pushed.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Counts polls and drops of a body. Cloning shares.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probe(Arc<(AtomicUsize, AtomicUsize)>);

impl Probe {
    pub(crate) fn polls(&self) -> usize {
        self.0.0.load(SeqCst)
    }

    pub(crate) fn drops(&self) -> usize {
        self.0.1.load(SeqCst)
    }
}

/// The connection broke.
#[derive(Debug)]
pub(crate) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body broke off")
    }
}

impl std::error::Error for Broken {}

impl TestBody {
    pub(crate) fn new() -> Self {
        Self { frames: VecDeque::new(), end: End::Clean, probe: Probe::default() }
    }

    pub(crate) fn text(text: impl Into<Bytes>) -> Self {
        Self::new().data(text)
    }

    pub(crate) fn data(mut self, data: impl Into<Bytes>) -> Self {
        self.frames.push_back(Frame::data(data.into()));
        self
    }

    pub(crate) fn trailers(mut self, trailers: HeaderMap) -> Self {
        self.frames.push_back(Frame::trailers(trailers));
        self
    }

    pub(crate) fn end(mut self, end: End) -> Self {
        self.end = end;
        self
    }

    pub(crate) fn probe(&self) -> Probe {
        self.probe.clone()
    }
}

impl Body for TestBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        self.probe.0.0.fetch_add(1, SeqCst);
        if let Some(frame) = self.frames.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut self.end {
            End::Clean | End::Ends => Poll::Ready(None),
            End::Broken => Poll::Ready(Some(Err(Broken))),
            End::Stalls => Poll::Pending,
            End::Floods(piece) => Poll::Ready(Some(Ok(Frame::data(piece.clone())))),
            End::Pushed(push, left) => {
                let frame = push.poll(cx);
                if let Poll::Ready(Some(Ok(frame))) = &frame {
                    *left -= frame.data_ref().map_or(0, |data| data.len() as u64);
                }
                frame
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && matches!(self.end, End::Clean)
    }

    fn size_hint(&self) -> SizeHint {
        let known = self.frames.iter().filter_map(Frame::data_ref).map(|data| data.len() as u64).sum::<u64>();
        match &self.end {
            End::Clean => SizeHint::with_exact(known),
            End::Pushed(_, left) => SizeHint::with_exact(known + left),
            _ => SizeHint::new(),
        }
    }
}

impl Drop for TestBody {
    fn drop(&mut self) {
        self.probe.0.1.fetch_add(1, SeqCst);
    }
}
