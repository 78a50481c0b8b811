use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, Stream};
use tokenflight_core::Time;

use super::{
    alarm::Alarm,
    left::Left,
    mailbox::{Link, Mailbox},
    schedule::Schedule,
};
use crate::{
    catch::{Panicked, caught_call},
    flights::{AnyFlight, Carry},
    session::Session,
    slot::Inner,
    sync::{Arc, Weak},
    time::{NoTimer, read},
};

/// Renews before expiry; see the [module documentation](super).
///
/// Resolves when all its sessions are gone or [shut down](Session::shutdown).
///
/// # Cancel safety
///
/// Dropping it leaves its sessions to their callers. It can be moved to another runtime.
///
/// # Panics
///
/// Never: a clock or timer that panics ends it, and its sessions go on, driven by their callers.
#[must_use = "a driver does nothing until it is polled"]
pub struct Driver {
    time: Arc<dyn Time>,
    mailbox: Arc<Mailbox>,
    sessions: Vec<Option<Driven>>,
    /// Sessions that still count.
    live: usize,
    /// So many of the sessions know of this driver. A driver that is made and not yet polled must
    /// not switch their clock off.
    attached: usize,
    schedule: Schedule,
    flights: FuturesUnordered<Carried>,
    alarm: Alarm,
}

/// A session and what the driver knows of it.
struct Driven {
    session: Weak<Inner>,
    link: Arc<Link>,
    /// Its place in the schedule.
    due: Option<Duration>,
    /// The flights that are being kept moving.
    flights: Vec<AnyFlight>,
    /// Whether it is here for its audiences, as the session they have in common: then it counts
    /// only while it owes something.
    common: bool,
    owes: bool,
}

impl Driven {
    fn is(&self, session: &Arc<Inner>) -> bool {
        self.session.upgrade().is_some_and(|known| Arc::ptr_eq(&known, session))
    }
}

/// A flight kept moving, and of which session; or what that has left, after it is gone.
struct Carried {
    flight: Carry,
    /// `Err` keeps what was left until this has ended.
    of: Result<usize, Arc<Left>>,
}

impl Future for Carried {
    type Output = Option<usize>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<usize>> {
        // What it brings has been published already.
        Pin::new(&mut self.flight).poll(cx).map(|()| self.of.as_ref().ok().copied())
    }
}

impl Session {
    /// The future that renews before expiry. Spawn it on any executor; see [`Driver`].
    ///
    /// If you make several drivers, the one whose *first* poll came latest drives the session. An
    /// unpolled one does nothing, except that it stores what the last handle leaves behind if there
    /// is no other. The driver of one of several [`Audiences`](crate::Audiences) also stores what
    /// they share; the last to begin does so, and another when that is gone.
    pub fn driver(&self) -> Driver {
        Driver::of(self)
    }
}

impl Driver {
    fn of(session: &Session) -> Self {
        let driver = Self {
            time: Arc::clone(&session.inner.parts.time),
            mailbox: Arc::default(),
            sessions: Vec::new(),
            live: 0,
            attached: 0,
            schedule: Schedule::default(),
            flights: FuturesUnordered::new(),
            alarm: Alarm::default(),
        };
        driver.with(session)
    }

    /// Drives this session as well. Its times are measured by the first session's clocks.
    ///
    /// With a session of [`Audiences`](crate::Audiences) comes what it has in common with the
    /// others: what that has not stored is stored by whichever driver there is.
    pub fn with(mut self, session: &Session) -> Self {
        self.add(&session.inner, false);
        self.live += 1;
        if let Some(common) = &session.inner.common {
            self.add(&common.root, true);
        }
        self
    }

    fn add(&mut self, session: &Arc<Inner>, common: bool) {
        let here = |driven: &Driven| driven.common && driven.is(session);
        if common && self.sessions.iter().flatten().any(here) {
            return;
        }
        let link = Arc::new(Link::new(Arc::clone(&self.mailbox), self.sessions.len()));
        // If the last handle goes before this is polled, it is left to this driver.
        session.expect(Arc::clone(&link));
        let session = Arc::downgrade(session);
        self.sessions.push(Some(Driven { session, link, due: None, flights: Vec::new(), common, owes: false }));
    }

    /// Takes over the sessions that do not know of this driver yet. One that is gone by now has
    /// left a message.
    fn attach(&mut self) {
        for index in self.attached..self.sessions.len() {
            let Some(driven) = &self.sessions[index] else { continue };
            driven.link.begin();
            if let Some(session) = driven.session.upgrade() {
                session.attach(Arc::clone(&driven.link));
            }
            driven.link.notify();
        }
        self.attached = self.sessions.len();
    }

    /// Looks at a session: starts what is due, moves what is in progress, notes when to look again.
    fn visit(&mut self, index: usize, resumed: bool) {
        let Some(driven) = self.sessions.get_mut(index).and_then(Option::as_mut) else { return };
        driven.link.seen();
        let Some(session) = driven.session.upgrade() else {
            // Its last handle is going: it is not gone before it has left what it owes, to the
            // driver it has by now.
            driven.owes = true;
            if driven.link.is_dismissed() {
                self.forget(index);
            }
            return;
        };
        let Some(visit) = session.visit(&driven.link, resumed) else {
            self.forget(index);
            return;
        };
        self.schedule.set(index, &mut driven.due, visit.next);
        for flight in &visit.flights {
            if !driven.flights.iter().any(|known| known.same_as(flight))
                && let Some(carry) = flight.carry()
            {
                self.flights.push(Carried { flight: carry, of: Ok(index) });
            }
        }
        (driven.flights, driven.owes) = (visit.flights, visit.owes);
    }

    /// The session needs this driver no more.
    fn forget(&mut self, index: usize) {
        let Some(mut driven) = self.sessions.get_mut(index).and_then(Option::take) else { return };
        self.live -= usize::from(!driven.common);
        self.schedule.set(index, &mut driven.due, None);
        if let Some(session) = driven.session.upgrade() {
            session.detach(&driven.link);
        }
    }

    /// Looks once at each session that asks for it, and at each flight that is awake.
    fn work(&mut self, cx: &mut Context<'_>) {
        let mail = self.mailbox.take();
        for index in mail.ready {
            self.visit(index, false);
        }
        for (index, left) in mail.gone {
            self.forget(index);
            for flight in &left.flights {
                match flight.carry() {
                    Some(flight) => self.flights.push(Carried { flight, of: Err(Arc::clone(&left)) }),
                    None => left.is_around(),
                }
            }
        }
        self.visit_due();
        while let Poll::Ready(Some(of)) = Pin::new(&mut self.flights).poll_next(cx) {
            // In the next turn: what fails at once must not take the thread over.
            if let Some(driven) = of.and_then(|index| self.sessions.get(index)).and_then(Option::as_ref) {
                driven.link.notify();
            }
        }
    }

    /// Visits every session that is due, once. What is due is read from the clock and not from the
    /// timer: a runtime's cooperative budget may answer `Pending` for a timer that has elapsed, and
    /// a timer may stand still in suspend.
    fn visit_due(&mut self) {
        if self.alarm.overslept(&*self.time) {
            for index in 0..self.sessions.len() {
                self.visit(index, true);
            }
        }
        for index in self.schedule.due(read(&*self.time).boot) {
            self.visit(index, false);
        }
    }

    /// Sleeps until the next session is due.
    fn sleep(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), NoTimer>> {
        match self.schedule.first() {
            Some(next) => self.alarm.poll(next, &*self.time, cx),
            None => {
                self.alarm.clear();
                Poll::Pending
            }
        }
    }

    fn forget_all(&mut self) {
        for index in 0..self.sessions.len() {
            self.forget(index);
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        match caught_call(|| self.turn(cx)) {
            Ok(turn) => turn,
            // The clock: the sessions are driven by their callers from now on.
            Err(Panicked) => {
                self.forget_all();
                Poll::Ready(())
            }
        }
    }
}

impl Driver {
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.attach();
        // Before the mail is looked at: what comes afterwards wakes this task.
        self.mailbox.register(cx.waker());
        self.work(cx);
        if self.flights.is_empty() && self.live == 0 && !self.sessions.iter().flatten().any(|driven| driven.owes) {
            self.forget_all();
            return Poll::Ready(());
        }
        match self.sleep(cx) {
            Poll::Pending => Poll::Pending,
            // Look again, in its own turn: an always ready timer must not take the thread over.
            Poll::Ready(Ok(())) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            // No timer: the runtime is shutting down. Requests look at the clock from now on.
            Poll::Ready(Err(NoTimer)) => {
                self.forget_all();
                Poll::Ready(())
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.forget_all();
        self.mailbox.close();
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
