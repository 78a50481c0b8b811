//! Waiting for a flight. The only file that names `futures::Shared`.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::{FutureExt, Shared};
use tokenflight_core::{BoxFuture, Error, ErrorKind};
use tokenflight_machine::FlightId;

use super::gate::{Flag, Gate, Reach};
use crate::{session::Token, sync::Arc};

/// What a flight brings: a token, or nothing but the news that something is stored now.
pub(crate) type Landed = Result<Option<Cargo>, Error>;

/// What a flight leaves with its session and with those who wait.
#[derive(Clone, Debug)]
pub(crate) struct Cargo {
    pub(crate) token: Token,
    /// The session's stamp when it landed; zero, which it never shows, if the token could not be used even then. As long as
    /// the session shows it, this is the current token.
    pub(crate) stamp: u64,
    /// When that was, by the boot clock.
    pub(crate) landed: Duration,
}

/// A flight in progress. Cloning shares it; the last clone takes the work with it.
#[derive(Clone)]
pub(crate) struct Flight {
    id: FlightId,
    work: Shared<Gate<Landed>>,
    flag: Arc<Flag>,
}

impl Flight {
    pub(crate) fn new(id: FlightId, work: BoxFuture<'static, Landed>) -> Self {
        let flag = Arc::new(Flag::new());
        Self { id, work: Gate::new(work, Arc::clone(&flag)).shared(), flag }
    }

    pub(crate) const fn id(&self) -> FlightId {
        self.id
    }

    /// A place for one who wants the result and leaves when the session begins another epoch.
    pub(crate) fn join(&self) -> Join {
        Join { work: self.work.clone(), flag: Arc::clone(&self.flag), stays: false }
    }

    /// A place for one who keeps the work moving to its end.
    pub(crate) fn pilot(&self) -> Join {
        Join { work: self.work.clone(), flag: Arc::clone(&self.flag), stays: true }
    }

    /// See [`Flag::kick`].
    pub(crate) fn kick(&self) {
        self.flag.kick();
    }

    /// See [`Flag::desert`].
    pub(crate) fn desert(&self) {
        self.flag.desert();
    }

    /// See [`Flag::polled_here`].
    pub(crate) fn polled_here(&self) -> bool {
        self.flag.polled_here()
    }
}

impl fmt::Debug for Flight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Waits for a flight, and polls its work when it is this task's turn.
///
/// # Cancel safety
///
/// Dropping it leaves the work where it is, for the others (hazards 1 and 4).
pub(crate) struct Join {
    work: Shared<Gate<Landed>>,
    flag: Arc<Flag>,
    stays: bool,
}

impl Join {
    /// See [`Flag::kick`].
    pub(crate) fn kick(&self) {
        self.flag.kick();
    }

    /// See [`Flag::polled_here`].
    pub(crate) fn polled_here(&self) -> bool {
        self.flag.polled_here()
    }

    fn left(&self) -> bool {
        !self.stays && self.flag.deserted()
    }
}

impl Future for Join {
    type Output = Landed;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Landed> {
        if self.left() {
            return Poll::Ready(Err(Error::new(ErrorKind::SessionChanged)));
        }
        let reach = Reach::watch();
        let polled = self.work.poll_unpin(cx);
        if polled.is_pending() && reach.reached() && self.flag.fired() {
            // This task polled the work, `Shared` is idle again, and a wake came while it was polling: whoever registered
            // in that window was told nothing (hazard 1). A variant in which every waiter wakes itself spins under an
            // unfair scheduler.
            self.flag.wake_everybody();
        }
        // Deserted between the first look and the registration: the wake has passed this task by.
        if polled.is_pending() && self.left() {
            return Poll::Ready(Err(Error::new(ErrorKind::SessionChanged)));
        }
        polled
    }
}

impl fmt::Debug for Join {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("stays", &self.stays).finish_non_exhaustive()
    }
}
