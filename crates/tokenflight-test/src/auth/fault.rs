use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::lock::lock;

/// An answer that does not come from the protocol: an overloaded server, a gateway, a login page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canned {
    pub(super) status: u16,
    pub(super) body: String,
    pub(crate) retry_after: Option<Duration>,
}

impl Canned {
    /// An answer with this status and body.
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into(), retry_after: None }
    }

    /// Adds a `Retry-After` header; whole seconds travel over the socket.
    #[must_use]
    pub const fn retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }
}

/// What goes wrong with one token request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing. Holds a place in the script.
    None,
    /// The connection breaks before the request is processed. In process the request is then
    /// provably not sent; over a socket the client cannot know.
    CutBefore,
    /// The request is processed and the answer is lost.
    CutAfter,
    /// The request is processed and the answer breaks off in the middle of its body.
    CutInAnswer,
    /// Never processed, never answered, never closed.
    HangBefore,
    /// Processed, never answered, never closed.
    HangAfter,
    /// Not processed; a gateway answers this.
    Respond(Canned),
    /// Processed; a gateway answers this in place of the real answer.
    RespondAfter(Canned),
    /// Takes this much longer before it is processed.
    Delay(Duration),
    /// Takes this much longer after it was processed.
    DelayAfter(Duration),
}

impl Fault {
    /// Not processed; answered with this status and body.
    pub fn respond(status: u16, body: impl Into<String>) -> Self {
        Self::Respond(Canned::new(status, body))
    }

    /// Refused with 429 before processing.
    #[must_use]
    pub fn throttle(retry_after: Option<Duration>) -> Self {
        let mut canned = Canned::new(429, r#"{"error":"slow_down"}"#);
        canned.retry_after = retry_after;
        Self::Respond(canned)
    }
}

/// The fault script of a server. Cloning shares it.
///
/// Each request takes the first fault of the queue; if the queue is empty, the chances are drawn in
/// the order in which they were added, and the first that strikes counts.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Script>>);

#[derive(Default)]
struct Script {
    queue: VecDeque<Fault>,
    chances: Vec<(f64, Fault)>,
}

impl Faults {
    /// Adds a fault for the next request that has none yet.
    pub fn push(&self, fault: Fault) {
        lock(&self.0).queue.push_back(fault);
    }

    /// Adds faults for the next requests.
    pub fn extend(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.0).queue.extend(faults);
    }

    /// Lets each unscripted request meet `fault` with this probability, from the server's seed.
    pub fn chance(&self, probability: f64, fault: Fault) {
        lock(&self.0).chances.push((probability, fault));
    }

    /// Forgets everything that is scripted.
    pub fn clear(&self) {
        *lock(&self.0) = Script::default();
    }

    /// How many queued faults have not been met yet.
    #[must_use]
    pub fn queued(&self) -> usize {
        lock(&self.0).queue.len()
    }

    pub(super) fn next(&self, random: &mut fastrand::Rng) -> Fault {
        let mut script = lock(&self.0);
        if let Some(fault) = script.queue.pop_front() {
            return fault;
        }
        let struck = script.chances.iter().find(|(probability, _)| random.f64() < *probability);
        struck.map_or(Fault::None, |(_, fault)| fault.clone())
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let script = lock(&self.0);
        f.debug_struct("Faults").field("queue", &script.queue).field("chances", &script.chances).finish()
    }
}
