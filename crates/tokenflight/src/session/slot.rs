//! The slot: one mutex holds the machine, the current tokens and the current flight together.
//!
//! It is never held across a poll, a wake, an await or a function of the user's; what those might be reached from (old
//! flights, old tokens) is dropped after it is released. Publishing a result and clearing the flight is one step.

use std::{fmt, time::Duration};

use event_listener::Event as Changed;
use futures_util::FutureExt;
use tokenflight_core::{
    Epoch, Error, ErrorKind, Grant, Now, RefreshToken, Store, Time,
    machine::{Beside, Decision, FlightPlan, Machine, Offer, OriginId, Policy},
    store::GrantKey,
};

use super::{
    Ask, Snapshot, State, Status, Supply, Token,
    events::Teller,
    snapshot::{Pass, private_copy},
};
use crate::driver::Link;
use crate::{
    flight::{Flight, Join, Pending, run},
    sync::{Arc, AtomicU64, Mutex, Ordering, lock},
};

/// What does not change while a session lives. A flight holds this strongly and its session weakly, so that it can
/// reach the store even when nobody is left to use the result.
pub(crate) struct Parts {
    pub(crate) grant: Arc<dyn Grant>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) time: Arc<dyn Time>,
    pub(crate) key: GrantKey,
    pub(crate) policy: Policy,
    pub(crate) teller: Teller,
}

/// A session's state, shared by its handles.
pub(crate) struct Inner {
    pub(crate) parts: Arc<Parts>,
    stamp: Stamp,
    changed: Changed,
    pub(super) slot: Mutex<Slot>,
}

/// Changes whenever a private copy of the token is out of date. On a cache line of its own, because every request reads it.
#[repr(align(128))]
struct Stamp(AtomicU64);

pub(super) struct Slot {
    pub(super) machine: Machine,
    pub(super) held: Option<Held>,
    pub(super) flight: Option<Flight>,
    pub(super) pending: Option<Pending>,
    pub(super) driver: Option<Arc<Link>>,
    /// What the stamp stands for.
    shown: (Option<Offer>, bool),
    /// Whether the driver has something to look at.
    pub(super) nudge: bool,
}

/// The current tokens.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) token: Token,
    pub(crate) refresh: Option<RefreshToken>,
}

/// What the driver has to do for a session.
pub(crate) struct Visit {
    pub(crate) flight: Option<Flight>,
    pub(crate) next: Option<Duration>,
}

impl Inner {
    pub(crate) fn new(parts: Arc<Parts>, machine: Machine) -> Self {
        let slot =
            Slot { machine, held: None, flight: None, pending: None, driver: None, shown: (None, false), nudge: false };
        Self { parts, stamp: Stamp(AtomicU64::new(1)), changed: Changed::new(), slot: Mutex::new(slot) }
    }

    /// Does one thing under the lock, then shows what changed.
    pub(super) fn change<R>(&self, act: impl FnOnce(&mut Slot, Now) -> R) -> R {
        // The clock is the user's code: read before the lock is taken.
        let now = self.parts.time.now();
        let mut slot = lock(&self.slot);
        let result = act(&mut slot, now);
        let shown = (slot.machine.offer(now), slot.driver.is_some());
        let changed = shown != slot.shown;
        if changed {
            slot.shown = shown;
            self.stamp.0.fetch_add(1, Ordering::Release);
        }
        let nudged = std::mem::take(&mut slot.nudge).then(|| slot.driver.clone()).flatten();
        drop(slot);
        if changed {
            self.changed.notify(usize::MAX);
        }
        if let Some(driver) = nudged {
            driver.nudge();
        }
        result
    }

    /// The stamp; one atomic load.
    #[inline]
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp.0.load(Ordering::Acquire)
    }

    pub(crate) fn listen(&self) -> event_listener::EventListener {
        self.changed.listen()
    }

    /// Makes a private copy of what is current.
    pub(crate) fn snapshot(&self) -> Snapshot {
        // Read before the token: if it changes in between, the copy is seen to be old at its first use.
        let stamp = self.stamp();
        let pass = self.change(|slot, now| {
            let (offer, held) = slot.machine.offer(now).zip(slot.held.as_ref())?;
            let clock = offer.ask_after.filter(|_| slot.driver.is_none()).map(|after| (offer.anchor, after));
            Some((held.token.clone(), clock, offer.watched))
        });
        let pass = pass.map(|(token, clock, watched)| Pass {
            header: private_copy(token.header()),
            epoch: token.epoch(),
            generation: token.generation(),
            clock,
            watched,
        });
        Snapshot { stamp, pass }
    }

    /// The current token, if it can be used.
    pub(crate) fn usable_now(&self) -> Option<Token> {
        self.change(|slot, now| {
            let held = slot.held.as_ref().filter(|_| slot.machine.has_usable(now))?;
            Some(held.token.clone())
        })
    }

    pub(crate) fn epoch(&self) -> Epoch {
        lock(&self.slot).machine.epoch()
    }

    /// What a flight's token is to one who asked at `asked` and wakes up now: the token itself, the one that has replaced
    /// it (I-12), or nothing, if it had run out before it was asked for because nobody polled the flight.
    pub(crate) fn brought(&self, token: Token, asked: Now) -> Result<Option<Token>, Error> {
        self.change(|slot, now| {
            let machine = &slot.machine;
            if machine.epoch() != token.epoch() {
                return Err(Error::new(ErrorKind::SessionChanged));
            }
            if machine.over().is_none() && machine.generation() == token.generation() {
                return Ok(Some(token).filter(|_| !machine.was_spent(asked)));
            }
            Ok(slot.held.as_ref().filter(|_| machine.has_usable(now)).map(|held| held.token.clone()))
        })
    }

    /// Whether the store has not been read yet.
    pub(crate) fn is_unloaded(&self) -> bool {
        lock(&self.slot).machine.is_unloaded()
    }

    /// Whether whoever has no token now waits a moment for the same attempt to be made again.
    pub(crate) fn replays_soon(&self) -> bool {
        self.change(|slot, now| slot.machine.replays_at(now).is_some())
    }

    pub(crate) fn state(&self) -> State {
        self.change(|slot, now| {
            let machine = &slot.machine;
            let status = match machine.over() {
                Some(error) => Status::Over(error.clone()),
                None if machine.has_usable(now) => Status::Usable,
                None if slot.held.is_some() => Status::Stale,
                None => Status::Unloaded,
            };
            State {
                status,
                epoch: machine.epoch(),
                generation: machine.generation(),
                refreshing: machine.flight().is_some(),
                unsaved: machine.has_unsaved(),
                fresh_refused: machine.fresh_refused(),
            }
        })
    }

    /// A server accepted a token.
    pub(crate) fn accepted(&self, origin: OriginId) {
        self.change(|slot, _| slot.machine.accepted(origin));
    }

    /// Answers one who wants a token.
    pub(crate) fn ask(self: &Arc<Self>, ask: &Ask) -> Supply {
        let (decision, token, flight) = self.change(|slot, now| {
            let decision = match ask {
                Ask::Usable => slot.machine.usable(now),
                Ask::Lasting(time) => slot.machine.lasting(*time, now),
                Ask::Refused(refused) => slot.machine.refused(*refused, now),
                Ask::Forced => slot.machine.force(now),
            };
            let flight = slot.flight_for(&decision, self);
            let token = slot.held.as_ref().map(|held| held.token.clone());
            (decision, token, flight)
        });
        match (decision, token) {
            (Decision::Refuse(error), _) => Supply::Refused(error),
            (Decision::Wait { until }, _) => Supply::Later(until),
            (Decision::Use { .. }, Some(token)) => Supply::Token { token, beside: flight.map(|flight| flight.join()) },
            // The machine says "use" only with a token; should that ever break, it must not become a panic.
            (Decision::Use { .. }, None) => Supply::Refused(Error::new(ErrorKind::NotLoggedIn)),
            (decision, _) => board(&decision, flight),
        }
    }

    /// Joins or starts the flight that stores what is not stored yet; `None` if everything is.
    pub(crate) fn ask_to_save(self: &Arc<Self>) -> Option<Supply> {
        let (decision, flight) = self.change(|slot, now| {
            let decision = slot.machine.flush(now)?;
            let flight = slot.flight_for(&decision, self);
            Some((decision, flight))
        })?;
        Some(board(&decision, flight))
    }

    /// The flight in progress, if no driver keeps it moving and this thread is not inside it.
    pub(crate) fn stray(&self) -> Option<Join> {
        let slot = lock(&self.slot);
        let flight = slot.flight.as_ref().filter(|flight| slot.driver.is_none() && !flight.polled_here())?;
        Some(flight.join())
    }

    /// Makes this the session's driver.
    pub(crate) fn attach(&self, driver: Arc<Link>) {
        let old = self.change(|slot, _| slot.driver.replace(driver));
        // The one before has nothing left to do here, and must notice.
        if let Some(old) = old {
            old.nudge();
        }
    }

    /// The driver is gone: the clock is looked at by requests again.
    pub(crate) fn detach(&self, driver: &Arc<Link>) {
        self.change(|slot, _| {
            let ours = slot.driver.as_ref().is_some_and(|current| Arc::ptr_eq(current, driver));
            if ours { slot.driver.take() } else { None }
        });
    }

    /// What the driver has to do; `None` if the session needs it no more.
    pub(crate) fn tick(self: &Arc<Self>, driver: &Arc<Link>, resumed: bool) -> Option<Visit> {
        let random = self.parts.time.random();
        let (visit, overdue) = self.change(|slot, now| {
            if !slot.driver.as_ref().is_some_and(|current| Arc::ptr_eq(current, driver)) {
                return None;
            }
            if resumed {
                slot.machine.resume(now, random);
            }
            let tick = slot.machine.tick(now);
            if let Some(plan) = tick.start {
                slot.take_off(plan, self);
            }
            let machine = &slot.machine;
            if machine.is_closing() && machine.flight().is_none() && !machine.has_unsaved() {
                return None;
            }
            Some((Visit { flight: slot.flight.clone(), next: tick.next }, tick.overdue))
        })?;
        if let Some(flight) = visit.flight.as_ref().filter(|_| overdue) {
            flight.kick();
        }
        Some(visit)
    }
}

impl Slot {
    /// The flight a decision speaks of. What goes on beside a usable token is the driver's business, if there is one.
    fn flight_for(&mut self, decision: &Decision, session: &Arc<Inner>) -> Option<Flight> {
        match decision {
            Decision::Start(plan) => Some(self.take_off(*plan, session)),
            Decision::Join { .. } => self.flight.clone(),
            Decision::Use { beside: Beside::Start(plan) } => {
                let flight = self.take_off(*plan, session);
                self.driver.is_none().then_some(flight)
            }
            Decision::Use { beside: Beside::Join(_) } => self.flight.clone().filter(|_| self.driver.is_none()),
            _ => None,
        }
    }

    /// Puts a new flight into the slot. Nothing of it runs before it is polled.
    fn take_off(&mut self, plan: FlightPlan, session: &Arc<Inner>) -> Flight {
        let work = run::run(Arc::clone(&session.parts), Arc::downgrade(session), plan);
        let flight = Flight::new(plan.id, Box::pin(work));
        self.flight = Some(flight.clone());
        self.nudge = true;
        flight
    }
}

/// Waits with the flight, unless this very thread is inside its work (hazard 5).
fn board(decision: &Decision, flight: Option<Flight>) -> Supply {
    let Some(flight) = flight else { return Supply::Refused(Error::new(ErrorKind::Closed)) };
    if flight.polled_here() {
        return Supply::Refused(Error::new(ErrorKind::Recursion));
    }
    if matches!(decision, Decision::Join { overdue: true, .. }) {
        flight.kick();
    }
    Supply::Join(flight.join())
}

/// What is still in the slot when the last handle goes is the driver's: a rotation, a login and a logout must reach the
/// store. *Test*: `tests/handles`, `…_outlives_the_last_handle`.
impl Drop for Inner {
    fn drop(&mut self) {
        let mut slot = lock(&self.slot);
        // A flight needs a name; what it is called does not matter any more. No clock is asked in a destructor.
        let name = match slot.machine.flush(Now::new(Duration::ZERO, Duration::ZERO)) {
            Some(Decision::Start(plan)) => Some(plan.id),
            _ => slot.flight.as_ref().map(Flight::id),
        };
        let (flight, pending, driver) = (slot.flight.take(), slot.pending.take(), slot.driver.take());
        drop(slot);
        let Some(driver) = driver else { return };
        if let Some((name, pending)) = name.zip(pending) {
            let persist = pending.persist(Arc::clone(&self.parts));
            driver.adopt(Flight::new(name, Box::pin(persist.map(|()| Ok(None)))));
        }
        if let Some(flight) = flight {
            driver.adopt(flight);
        }
        driver.nudge();
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("key", &self.parts.key).finish_non_exhaustive()
    }
}
