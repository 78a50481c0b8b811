use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, stream::FuturesUnordered};
use tokenflight_core::{Time, time::Sleep};
use tokenflight_machine::{FlightId, Nap};

use super::{
    hub::{Hub, Link},
    schedule::Schedule,
};
use crate::{
    catch::{Panicked, caught_call},
    flight::{Flight, Join},
    session::{Inner, Session},
    sync::{Arc, Weak},
};

/// Renews before expiry; see the [module documentation](super).
///
/// Resolves when all its sessions are gone or [shut down](Session::shutdown).
///
/// # Panics
///
/// Never by itself. A timer that panics, because its runtime is shutting down, ends the driver; its sessions go on,
/// driven by their callers.
///
/// # Cancel safety
///
/// Dropping it loses nothing: flights stay with their sessions, and requests look at the clock again. What a session
/// that is gone had still in progress is lost with it.
#[must_use = "a driver does nothing until it is polled: spawn it"]
pub struct Driver {
    time: Arc<dyn Time>,
    hub: Arc<Hub>,
    sessions: Vec<Option<Driven>>,
    /// How many of them are still driven.
    live: usize,
    /// How many of them know of this driver. They do once it is polled: nobody relies on one that is not.
    attached: usize,
    schedule: Schedule,
    flights: FuturesUnordered<Piloted>,
    timer: Option<(Nap, Sleep)>,
}

/// A session and what the driver knows of it.
struct Driven {
    session: Weak<Inner>,
    link: Arc<Link>,
    /// Its place in the schedule.
    due: Option<Duration>,
    /// The flight that is being kept moving.
    flight: Option<FlightId>,
}

/// A flight kept moving, and whose it is; nobody's after its session has dropped it.
struct Piloted {
    flight: Join,
    whose: Option<usize>,
}

impl Future for Piloted {
    type Output = Option<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        // What it brings has been published already.
        Pin::new(&mut self.flight).poll(cx).map(|_| self.whose)
    }
}

impl Driver {
    pub(crate) fn of(session: &Session) -> Self {
        let driver = Self {
            time: Arc::clone(&session.inner.parts.time),
            hub: Arc::default(),
            sessions: Vec::new(),
            live: 0,
            attached: 0,
            schedule: Schedule::default(),
            flights: FuturesUnordered::new(),
            timer: None,
        };
        driver.with(session)
    }

    /// Drives this session as well. Its times are measured by the first session's clocks.
    pub fn with(mut self, session: &Session) -> Self {
        let index = self.sessions.len();
        let link = Arc::new(Link::new(Arc::clone(&self.hub), index));
        let session = Arc::downgrade(&session.inner);
        self.sessions.push(Some(Driven { session, link, due: None, flight: None }));
        self.live += 1;
        self
    }

    /// Takes over the sessions that do not know of this driver yet.
    fn attach(&mut self) {
        for driven in self.sessions.iter().skip(self.attached).flatten() {
            if let Some(session) = driven.session.upgrade() {
                session.attach(Arc::clone(&driven.link));
            }
            driven.link.nudge();
        }
        self.attached = self.sessions.len();
    }

    /// Looks at one session: starts what is due, keeps moving what flies, and notes when to look again.
    fn visit(&mut self, index: usize, resumed: bool) {
        let Some(driven) = self.sessions.get_mut(index).and_then(Option::as_mut) else { return };
        driven.link.seen();
        let visit = driven.session.upgrade().and_then(|session| session.tick(&driven.link, resumed));
        let Some(visit) = visit else {
            self.schedule.set(index, &mut driven.due, None);
            self.forget(index);
            return;
        };
        self.schedule.set(index, &mut driven.due, visit.next);
        match visit.flight {
            Some(flight) if driven.flight != Some(flight.id()) => {
                driven.flight = Some(flight.id());
                self.pilot(&flight, Some(index));
            }
            Some(_) => {}
            None => driven.flight = None,
        }
    }

    fn forget(&mut self, index: usize) {
        let Some(driven) = self.sessions.get_mut(index).and_then(Option::take) else { return };
        self.live -= 1;
        if let Some(session) = driven.session.upgrade() {
            session.detach(&driven.link);
        }
    }

    fn pilot(&self, flight: &Flight, whose: Option<usize>) {
        self.flights.push(Piloted { flight: flight.pilot(), whose });
    }

    /// Does everything that can be done now.
    fn work(&mut self, cx: &mut Context<'_>) {
        loop {
            let (ready, orphans) = self.hub.take();
            let mut idle = ready.is_empty() && orphans.is_empty();
            for index in ready {
                self.visit(index, false);
            }
            for orphan in orphans {
                self.pilot(&orphan, None);
            }
            while let Poll::Ready(Some(whose)) = Pin::new(&mut self.flights).poll_next(cx) {
                idle = false;
                if let Some(index) = whose {
                    self.visit(index, false);
                }
            }
            if idle {
                return;
            }
        }
    }

    /// Visits every session that is due, once.
    fn visit_due(&mut self) {
        let now = self.time.now();
        if self.timer.as_ref().is_some_and(|(nap, _)| nap.overslept(now)) {
            self.timer = None;
            for index in 0..self.sessions.len() {
                self.visit(index, true);
            }
        }
        for index in self.schedule.due(now.boot) {
            self.visit(index, false);
        }
    }

    /// Sleeps until the next session is due.
    fn sleep(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Panicked>> {
        let Some(next) = self.schedule.first() else {
            self.timer = None;
            return Poll::Pending;
        };
        let now = self.time.now();
        let nap = Nap::until(next, now);
        // A sleep that ends in time is kept: most visits change nothing about the next one.
        let kept = self.timer.take().filter(|(kept, _)| kept.end() <= nap.end() && now.boot < kept.end());
        let (nap, mut sleep) = match kept {
            Some(kept) => kept,
            None => (nap, caught_call(|| self.time.sleep(nap.length()))?),
        };
        if caught_call(|| sleep.as_mut().poll(cx))?.is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.timer = Some((nap, sleep));
        Poll::Pending
    }

    fn done(&self) -> bool {
        self.flights.is_empty() && self.live == 0
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.attach();
        // Before the post is looked at: what comes afterwards wakes us.
        self.hub.register(cx.waker());
        self.work(cx);
        // What is due is read from the clock and not from the timer: a runtime's cooperative budget may answer `Pending`
        // for a timer that has elapsed, and a timer may stand still in suspend.
        self.visit_due();
        self.work(cx);
        if self.done() {
            return Poll::Ready(());
        }
        match self.sleep(cx) {
            Poll::Pending => Poll::Pending,
            // Look again, in a turn of its own: a timer that is always ready must not take the thread over.
            Poll::Ready(Ok(())) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            // No timer to be had: the runtime is shutting down. Requests look at the clock from now on.
            Poll::Ready(Err(Panicked)) => Poll::Ready(()),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        for index in 0..self.sessions.len() {
            self.forget(index);
        }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("sessions", &self.live)
            .field("flights", &self.flights.len())
            .finish_non_exhaustive()
    }
}
