use std::{
    pin::Pin,
    task::{Context, Poll},
};

use async_broadcast::{InactiveReceiver, Receiver, RecvError, Sender};
use futures_util::Stream;
use tokenflight_core::Event;

use crate::{catch::caught_call, sync::OnceLock};

/// How many events a listener may be behind before it misses some.
const CAPACITY: usize = 64;

/// A callback for events.
pub(crate) type Listener = Box<dyn Fn(&Event) + Send + Sync>;

/// What happened to a session, as a stream. A slow reader never holds a refresh up: it misses events and is told how many.
///
/// # Cancel safety
///
/// Dropping it, or a pending `next`, loses nothing for others.
#[derive(Debug)]
pub struct Events(Pin<Box<Receiver<Event>>>);

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
        self.0.as_mut().poll_recv(cx).map(|item| match item? {
            Ok(event) => Some(EventOrGap::Event(event)),
            Err(RecvError::Overflowed(missed)) => Some(EventOrGap::Missed(missed)),
            Err(RecvError::Closed) => None,
        })
    }
}

/// All listeners of a session. Never called with anything locked.
pub(crate) struct Listeners {
    /// Made when the first stream is asked for: it is several times as large as the rest of a session.
    channel: OnceLock<Channel>,
    callbacks: Box<[Listener]>,
}

struct Channel {
    sender: Sender<Event>,
    /// Keeps the channel open while no stream listens.
    idle: InactiveReceiver<Event>,
}

impl Channel {
    fn new() -> Self {
        let (mut sender, receiver) = async_broadcast::broadcast(CAPACITY);
        sender.set_overflow(true);
        sender.set_await_active(false);
        Self { sender, idle: receiver.deactivate() }
    }
}

impl Listeners {
    pub(crate) fn new(callbacks: Vec<Listener>) -> Self {
        Self { channel: OnceLock::new(), callbacks: callbacks.into() }
    }

    pub(crate) fn events(&self) -> Events {
        Events(Box::pin(self.channel.get_or_init(Channel::new).idle.activate_cloned()))
    }

    pub(crate) fn tell(&self, event: &Event) {
        if let Some(channel) = self.channel.get() {
            // Cannot block: when full, the oldest event makes room. Fails only while no stream listens.
            let _ = channel.sender.try_broadcast(event.clone());
        }
        for listener in &self.callbacks {
            // A listener's panic is its own affair.
            let _ = caught_call(|| listener(event));
        }
    }
}
