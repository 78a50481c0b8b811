//! What one client's callers saw, and which token requests it made, with the time of each.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Clock;

/// How a request ended for its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With a good answer, after so long.
    Served(Duration),
    /// With a 401.
    Refused,
    /// The caller gave up first.
    Cancelled,
    /// With an error in place of an answer.
    Failed,
}

/// How a token request ended for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshEnding {
    /// With new tokens.
    Renewed,
    /// The server said no.
    Refused,
    /// The future that waited for the answer was dropped.
    Dropped,
    /// Otherwise.
    Failed,
}

/// One token request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refresh {
    /// When the client knew, or stopped waiting.
    pub(crate) at: Duration,
    /// How it ended.
    pub(crate) ending: RefreshEnding,
}

/// Everything that was written down.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    /// Requests and when they ended.
    pub(crate) requests: Vec<(Duration, Ending)>,
    /// Token requests, in the order in which they ended.
    pub(crate) refreshes: Vec<Refresh>,
}

/// Where a client and its workers write. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    clock: Clock,
    trace: Arc<Mutex<Trace>>,
}

impl Recorder {
    /// An empty one.
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, trace: Arc::default() }
    }

    /// A request ended just now.
    pub(crate) fn request(&self, ending: Ending) {
        let now = self.clock.now();
        self.lock().requests.push((now, ending));
    }

    /// A token request begins. Unless [`Attempt::ended`] is called it counts as
    /// [`RefreshEnding::Dropped`].
    pub(crate) fn attempt(&self) -> Attempt {
        Attempt { recorder: self.clone(), ending: RefreshEnding::Dropped }
    }

    /// Everything so far; begins anew.
    pub(crate) fn take(&self) -> Trace {
        mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Trace> {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A token request under way.
#[derive(Debug)]
pub(crate) struct Attempt {
    recorder: Recorder,
    ending: RefreshEnding,
}

impl Attempt {
    /// It has ended.
    pub(crate) fn ended(mut self, ending: RefreshEnding) {
        self.ending = ending;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let refresh = Refresh { at: self.recorder.clock.now(), ending: self.ending };
        self.recorder.lock().refreshes.push(refresh);
    }
}
