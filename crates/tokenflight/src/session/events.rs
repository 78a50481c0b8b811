use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::Stream;
use tokenflight_core::Event;

use crate::{
    catch::caught_call,
    sync::{Arc, Mutex, OnceLock, lock},
    wakers::Wakers,
};

/// How many events a listener may be behind before it misses some.
const CAPACITY: usize = 64;

/// A callback for events.
pub(crate) type Listener = Box<dyn Fn(&Event) + Send + Sync>;

/// What happened to a session, as a stream. A slow reader never holds a refresh up: it misses
/// events and is told how many.
///
/// # Cancel safety
///
/// Dropping it, or a pending `next`, loses nothing for others.
pub struct Events(Reader);

/// One item of [`Events`].
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_enums)] // A reader must be ready for both.
pub enum EventOrGap {
    /// Something happened.
    Event(Event),
    /// So many events were missed here.
    Missed(u64),
}

impl Stream for Events {
    type Item = EventOrGap;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<EventOrGap>> {
        self.0.poll_next(cx)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the events themselves: an error within is the user's code, and the queue is locked.
        let behind = lock(&self.0.channel.queue).end().saturating_sub(self.0.next);
        f.debug_struct("Events").field("behind", &behind).finish_non_exhaustive()
    }
}

struct Reader {
    channel: Arc<Channel>,
    /// The number of the event that it reads next.
    next: u64,
    /// Its place among those who wait.
    place: Option<u64>,
}

impl Reader {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<EventOrGap>> {
        let Self { channel, next, place } = self;
        loop {
            // Before the look: what is told after it wakes this place.
            let number = *place.get_or_insert_with(|| channel.readers.enter());
            let item = lock(&channel.queue).read(next);
            if item.is_ready() {
                return item;
            }
            if channel.readers.poll(number, cx.waker()).is_pending() {
                return Poll::Pending;
            }
            *place = None;
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let unread = lock(&self.channel.queue).leave(self.next);
        if let Some(number) = self.place.take() {
            self.channel.readers.leave(number);
        }
        drop(unread);
    }
}

/// All listeners of a session. Never called with anything locked.
pub(crate) struct Listeners {
    /// Made when the first stream is asked for: several times as large as the rest of a session.
    sender: OnceLock<Sender>,
    /// One pointer: most sessions have none.
    callbacks: Option<Box<Box<[Listener]>>>,
}

impl Listeners {
    pub(crate) fn new(callbacks: Vec<Listener>) -> Self {
        let callbacks = (!callbacks.is_empty()).then(|| Box::new(callbacks.into()));
        Self { sender: OnceLock::new(), callbacks }
    }

    pub(crate) fn events(&self) -> Events {
        self.sender.get_or_init(Sender::default).events()
    }

    pub(crate) fn tell(&self, event: &Event) {
        if let Some(sender) = self.sender.get() {
            sender.tell(event.clone());
        }
        for listener in self.callbacks.iter().flat_map(|listeners| listeners.iter()) {
            // A listener's panic is its own affair.
            let _ = caught_call(|| listener(event));
        }
    }
}

/// The end that tells. The streams end with it.
#[derive(Default)]
struct Sender(Arc<Channel>);

impl Sender {
    fn events(&self) -> Events {
        Events(Reader { next: lock(&self.0.queue).join(), channel: Arc::clone(&self.0), place: None })
    }

    /// Cannot block: when full, the oldest event makes room.
    fn tell(&self, event: Event) {
        let gone = lock(&self.0.queue).push(event);
        self.0.readers.wake_all();
        // An error's destructor may panic, and callbacks are told after this.
        let _ = caught_call(|| drop(gone));
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        lock(&self.0.queue).closed = true;
        self.0.readers.wake_all();
    }
}

#[derive(Default)]
struct Channel {
    queue: Mutex<Queue>,
    readers: Wakers,
}

/// What was told and not read by all who listened then.
///
/// An event may hold the last reference to an error of the user's: what leaves the queue is handed
/// out, and dropped with nothing locked. *Test*: `tests/engine`, `foreign_code`.
#[derive(Default)]
struct Queue {
    /// Each with the number of those who have not read it.
    events: VecDeque<(Event, usize)>,
    /// The number of the first of them.
    first: u64,
    readers: usize,
    closed: bool,
}

impl Queue {
    /// The number of the next event to be told.
    fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }

    fn join(&mut self) -> u64 {
        self.readers += 1;
        self.end()
    }

    /// Returns the one that none listens to, or that makes room.
    fn push(&mut self, event: Event) -> Option<Event> {
        if self.readers == 0 {
            return Some(event);
        }
        let oldest = (self.events.len() == CAPACITY).then(|| self.pop()).flatten();
        self.events.push_back((event, self.readers));
        oldest
    }

    fn pop(&mut self) -> Option<Event> {
        let (event, _) = self.events.pop_front()?;
        self.first += 1;
        Some(event)
    }

    /// The next item for a reader that has come so far.
    fn read(&mut self, next: &mut u64) -> Poll<Option<EventOrGap>> {
        if *next < self.first {
            let missed = self.first - std::mem::replace(next, self.first);
            return Poll::Ready(Some(EventOrGap::Missed(missed)));
        }
        let Some((event, unread)) = self.events.get_mut(place(*next - self.first)) else {
            return if self.closed { Poll::Ready(None) } else { Poll::Pending };
        };
        *next += 1;
        *unread -= 1;
        let last = *unread == 0;
        let item = if last { self.pop() } else { Some(event.clone()) };
        Poll::Ready(item.map(EventOrGap::Event))
    }

    /// A reader that has come so far leaves. Returns what only it had not read.
    fn leave(&mut self, next: u64) -> Vec<Event> {
        self.readers -= 1;
        for (_, unread) in self.events.iter_mut().skip(place(next.saturating_sub(self.first))) {
            *unread -= 1;
        }
        // An event's readers have read all before it: the first are those that none has to read.
        let count = self.events.iter().take_while(|(_, unread)| *unread == 0).count();
        (0..count).filter_map(|_| self.pop()).collect()
    }
}

fn place(distance: u64) -> usize {
    usize::try_from(distance).unwrap_or(usize::MAX)
}
