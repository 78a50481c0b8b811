//! The child processes that live, and the signals they are sent.

use std::collections::HashMap;

use super::{prelude::*, signal::Signal};

/// Who a process is: the contestant's number, and its own among those of the contestant.
pub(super) type Place = (usize, usize);

/// The processes that live. Cloning shares.
#[derive(Clone, Default)]
pub(super) struct Living(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    places: HashMap<u32, Place>,
    /// Stopped processes, and when each is to go on.
    stopped: HashMap<u32, Duration>,
    killed: Vec<Place>,
}

impl Living {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose process this is, if it is ours: any program of this machine may talk to the server.
    pub(super) fn place(&self, pid: u32) -> Option<Place> {
        self.lock().places.get(&pid).copied()
    }

    /// Stops a process until then.
    pub(super) fn stop(&self, pid: u32, until: Duration) -> bool {
        let mut living = self.lock();
        let stopped = living.places.contains_key(&pid) && signal::send(pid, Signal::Stop).is_ok();
        if stopped {
            living.stopped.insert(pid, until);
        }
        stopped
    }

    /// Kills a process; it will be started again.
    pub(super) fn kill(&self, pid: u32) -> bool {
        let mut living = self.lock();
        let Some(place) = living.places.get(&pid).copied() else { return false };
        let killed = signal::send(pid, Signal::Kill).is_ok();
        if killed {
            living.killed.push(place);
        }
        killed
    }

    /// Lets the stopped processes go on whose time has come.
    pub(super) fn resume(&self, now: Duration) {
        self.lock().stopped.retain(|pid, until| {
            let due = *until <= now;
            if due {
                let _ = signal::send(*pid, Signal::Resume);
            }
            !due
        });
    }

    /// A process lives.
    pub(super) fn enter(&self, pid: u32, place: Place) {
        self.lock().places.insert(pid, place);
    }

    /// The process has ended and is not waited for yet, so that its number is not another's.
    /// Whether it was killed.
    pub(super) fn leave(&self, pid: u32, place: Place) -> bool {
        let mut living = self.lock();
        living.places.remove(&pid);
        living.stopped.remove(&pid);
        let before = living.killed.len();
        living.killed.retain(|killed| *killed != place);
        living.killed.len() < before
    }
}
