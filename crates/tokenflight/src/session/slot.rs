//! The slot: one mutex holds the machine, the current tokens and the current flight together.
//!
//! It is never held across a poll, a wake, an await or a function of the user's; what those might be reached from (old
//! flights, old tokens) is dropped after it is released. Publishing a result and clearing the flight is one step.

use std::fmt;

use event_listener::Event as Changed;
use tokenflight_core::{
    Epoch, Error, ErrorKind, Generation, Grant, GrantError, Now, RefreshToken, Store, Time, TokenSet,
    machine::{Beside, Decision, FlightPlan, Landing, Login, Machine, Offer, OriginId, Policy, Publish},
    store::{GrantKey, Reset, StoredTokens},
};

use super::{Ask, Pass, Snapshot, State, Status, Supply, Token, events::Teller, snapshot::private_copy};
use crate::driver::Link;
use crate::{
    flight::{Flight, Landed, Pending, run},
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
    slot: Mutex<Slot>,
}

/// Changes whenever a private copy of the token is out of date. On a cache line of its own, because every request reads it.
#[repr(align(128))]
struct Stamp(AtomicU64);

struct Slot {
    machine: Machine,
    held: Option<Held>,
    flight: Option<Flight>,
    pending: Option<Pending>,
    driver: Option<Arc<Link>>,
    /// What the stamp stands for.
    shown: (Option<Offer>, bool),
    /// Whether the driver has something to look at.
    nudge: bool,
}

/// The current tokens.
#[derive(Clone)]
pub(crate) struct Held {
    pub(crate) token: Token,
    pub(crate) refresh: Option<RefreshToken>,
}

/// What a landing changed.
pub(crate) struct Touchdown {
    pub(crate) landed: Landed,
    /// The result was discarded because the session was logged out: nobody will use its tokens.
    pub(crate) unwanted: bool,
}

/// What the driver has to do for a session.
pub(crate) struct Visit {
    pub(crate) flight: Option<Flight>,
    pub(crate) next: Option<std::time::Duration>,
}

impl Inner {
    pub(crate) fn new(parts: Arc<Parts>, machine: Machine) -> Self {
        let slot =
            Slot { machine, held: None, flight: None, pending: None, driver: None, shown: (None, false), nudge: false };
        Self { parts, stamp: Stamp(AtomicU64::new(1)), changed: Changed::new(), slot: Mutex::new(slot) }
    }

    /// Does one thing under the lock, then shows what changed.
    fn change<R>(&self, act: impl FnOnce(&mut Slot, Now) -> R) -> R {
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

    /// Whether the store has not been read yet.
    pub(crate) fn is_unloaded(&self) -> bool {
        lock(&self.slot).machine.is_unloaded()
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

    /// What a flight set out with, brought up to date after it has stored what was pending.
    pub(crate) fn replan(&self, mut plan: FlightPlan) -> FlightPlan {
        let slot = lock(&self.slot);
        if slot.machine.flight() == Some(plan.id) {
            (plan.epoch, plan.generation) = (slot.machine.epoch(), slot.machine.generation());
        }
        plan
    }

    pub(crate) fn pending(&self) -> Option<Pending> {
        lock(&self.slot).pending.clone()
    }

    /// Something pending has been stored, or somebody else's state was stored instead.
    pub(crate) fn saved(&self, pending: &Pending, numbers: Option<(Epoch, Generation)>) {
        let (event, old) = self.change(|slot, _| {
            if !slot.pending.as_ref().is_some_and(|current| current.same_as(pending)) {
                return (None, None);
            }
            let (epoch, generation) = numbers.unwrap_or_else(|| (slot.machine.epoch(), slot.machine.generation()));
            let event = slot.machine.saved(pending.epoch(), epoch, generation);
            if let Some(held) = &mut slot.held {
                held.token = held.token.clone().numbered(slot.machine.epoch(), slot.machine.generation());
            }
            (event.filter(|_| numbers.is_some()), slot.pending.take())
        });
        drop(old);
        self.parts.teller.tell(event.as_slice());
    }

    /// A flight has ended: publishes what it brought and frees the slot, in one step.
    pub(crate) fn land(
        &self,
        plan: &FlightPlan,
        landing: &Landing,
        cargo: Option<Held>,
        pending: Option<Pending>,
    ) -> Touchdown {
        let random = self.parts.time.random();
        let (verdict, token, unwanted, old) = self.change(|slot, now| {
            let mut verdict = slot.machine.land(plan, landing, now, random);
            let logged_out = slot.machine.over().is_some_and(|error| *error.kind() == ErrorKind::LoggedOut);
            let mut old = (None, None, None);
            if verdict.publish != Publish::Stale {
                old.0 = slot.flight.take();
                slot.nudge = true;
                match verdict.publish {
                    Publish::New => old.1 = std::mem::replace(&mut slot.held, cargo),
                    Publish::Gone => old.1 = slot.held.take(),
                    // An answer that could not be used may still have rotated the refresh token.
                    Publish::Keep => {
                        if let Some((held, cargo)) = slot.held.as_mut().zip(cargo) {
                            held.refresh = cargo.refresh;
                        }
                    }
                    Publish::Stale => {}
                }
                if pending.is_some() {
                    if let Landing::Failed { error, .. } = landing {
                        verdict.events.push(slot.machine.unsaved(error, now, random));
                    }
                    old.2 = std::mem::replace(&mut slot.pending, pending);
                }
                let (epoch, generation) = (slot.machine.epoch(), slot.machine.generation());
                if let Some(held) = &mut slot.held {
                    held.token = held.token.clone().numbered(epoch, generation);
                }
            }
            (verdict, slot.held.as_ref().map(|held| held.token.clone()), logged_out, old)
        });
        drop(old);
        self.parts.teller.tell(&verdict.events);
        let stale = verdict.publish == Publish::Stale;
        let landed = match (verdict.publish, landing) {
            (Publish::New, _) => Ok(token),
            (Publish::Stale, _) if unwanted => Err(Error::new(ErrorKind::LoggedOut)),
            (Publish::Stale, _) => Err(Error::new(ErrorKind::SessionChanged)),
            (_, Landing::Failed { error, .. } | Landing::Over { error, .. } | Landing::NotFlushed(error)) => {
                Err(error.clone())
            }
            _ => Ok(None),
        };
        Touchdown { landed, unwanted: stale && unwanted }
    }

    /// Begins a new epoch with these tokens. The flight in progress goes on, for nobody.
    pub(crate) fn login(&self, set: &TokenSet) -> Result<(), Error> {
        let header = set.check().map_err(GrantError::config)?;
        let token = Token::new(set.access().clone(), header, set.granted_scope().map(str::to_owned));
        let random = self.parts.time.random();
        let mut login = Login::new(set.lifetime());
        login.refresh_in = set.refresh_hint();
        login.has_refresh_token = set.refresh().is_some();
        let (event, old) = self.change(|slot, now| {
            let event = slot.machine.login(login, now, random);
            let (epoch, generation) = (slot.machine.epoch(), slot.machine.generation());
            let stored = StoredTokens::from_set(set, now.wall, None);
            let reset = Reset::new(epoch, generation, Some(stored));
            let held = Held { token: token.numbered(epoch, generation), refresh: set.refresh().cloned() };
            (event, slot.begin(Some(held), Pending::reset(reset)))
        });
        self.leave(old.0);
        self.parts.teller.tell(&[event]);
        Ok(())
    }

    /// Begins a new epoch without tokens. Returns the refresh token it forgot and the flight that is still in progress.
    pub(crate) fn logout(&self) -> (Option<RefreshToken>, Option<Flight>) {
        let (event, (flight, held, _pending)) = self.change(|slot, _| {
            let event = slot.machine.logout();
            let reset = Reset::new(slot.machine.epoch(), slot.machine.generation().next(), None);
            (event, slot.begin(None, Pending::reset(reset)))
        });
        self.leave(flight.clone());
        self.parts.teller.tell(&[event]);
        (held.and_then(|held| held.refresh), flight)
    }

    /// Those who wait for a flight of an older epoch leave; the driver takes it to its end.
    fn leave(&self, flight: Option<Flight>) {
        let Some(flight) = flight else { return };
        flight.desert();
        let driver = lock(&self.slot).driver.clone();
        if let Some(driver) = driver {
            driver.adopt(flight);
        }
    }

    /// See [`Machine::reload`].
    pub(crate) fn reload(&self) {
        self.change(|slot, _| {
            slot.machine.reload();
            slot.nudge = true;
        });
    }

    /// See [`Machine::close`].
    pub(crate) fn close(&self) -> Option<Flight> {
        self.change(|slot, _| {
            slot.machine.close();
            slot.nudge = true;
            slot.flight.clone()
        })
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

    /// A new epoch. Returns what the old one leaves, to be dropped outside the lock.
    fn begin(&mut self, held: Option<Held>, pending: Pending) -> (Option<Flight>, Option<Held>, Option<Pending>) {
        self.nudge = true;
        (self.flight.take(), std::mem::replace(&mut self.held, held), self.pending.replace(pending))
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

/// A flight that is still in the slot when the last handle goes is the driver's: a rotation must reach the store.
impl Drop for Inner {
    fn drop(&mut self) {
        let mut slot = lock(&self.slot);
        let (flight, driver) = (slot.flight.take(), slot.driver.take());
        drop(slot);
        if let Some(driver) = driver {
            if let Some(flight) = flight {
                driver.adopt(flight);
            }
            driver.nudge();
        }
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("key", &self.parts.key).finish_non_exhaustive()
    }
}
