//! The slot: one mutex holds the machine, the current tokens and the current flight together.
//!
//! It is never held across a poll, a wake, an await or a function of the user's; what those might be reached from (old
//! flights, old tokens) is dropped after it is released. Publishing a result and clearing the flight is one step.

use std::{fmt, time::Duration};

use event_listener::Event as Changed;
use futures_util::FutureExt;
use tokenflight_core::{Epoch, Error, ErrorKind, Grant, Now, RefreshToken, Store, Time, store::GrantKey};
use tokenflight_machine::{Decision, Machine, Offer, OriginId, Policy};

use super::{Snapshot, State, Status, Token, events::Teller, snapshot::Pass};
use crate::driver::Link;
use crate::{
    flight::{Cargo, Flight, Join, Pending},
    sync::{Arc, AtomicU64, Mutex, MutexGuard, Ordering, lock},
};

/// What does not change while a session lives. A flight holds this strongly and its session weakly, so that it can
/// reach the store even when nobody is left to use the result.
pub(crate) struct Parts {
    pub(crate) grant: Arc<dyn Grant>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) time: Arc<dyn Time>,
    pub(crate) key: GrantKey,
    pub(crate) policy: Arc<Policy>,
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
    pub(super) shown: (Option<Offer>, bool),
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
        self.change_and_show(act).0
    }

    /// As [`change`](Self::change); also the stamp of what it left, zero if that is no token that can be used.
    pub(super) fn change_and_show<R>(&self, act: impl FnOnce(&mut Slot, Now) -> R) -> (R, u64) {
        // The clock is the user's code: read before the lock is taken.
        let now = self.parts.time.now();
        let mut slot = lock(&self.slot);
        let result = act(&mut slot, now);
        (result, self.show(slot, now))
    }

    /// Shows what changed, and releases the lock.
    pub(super) fn show(&self, mut slot: MutexGuard<'_, Slot>, now: Now) -> u64 {
        let shown = (slot.machine.offer(now), slot.driver.is_some());
        let changed = shown != slot.shown;
        if changed {
            slot.shown = shown;
            self.stamp.0.fetch_add(1, Ordering::Release);
        }
        let stamp = if slot.shown.0.is_some() { self.stamp() } else { 0 };
        let nudged = std::mem::take(&mut slot.nudge).then(|| slot.driver.clone()).flatten();
        drop(slot);
        if changed {
            self.changed.notify(usize::MAX);
        }
        if let Some(driver) = nudged {
            driver.nudge();
        }
        stamp
    }

    /// Looks at one thing under the lock.
    fn look<R>(&self, look: impl FnOnce(&Slot, Now) -> R) -> R {
        // As in `change`. What is looked at is dropped after the lock is released.
        let now = self.parts.time.now();
        let slot = lock(&self.slot);
        look(&slot, now)
    }

    /// The stamp; one atomic load.
    #[inline]
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp.0.load(Ordering::Acquire)
    }

    pub(crate) fn listen(&self) -> event_listener::EventListener {
        self.changed.listen()
    }

    /// What is current, not yet copied.
    pub(crate) fn snapshot(&self) -> Snapshot {
        // Read before the token: if it changes in between, the copy is seen to be old at its first use.
        let stamp = self.stamp();
        let pass = self.change(|slot, now| {
            let (offer, held) = slot.machine.offer(now).zip(slot.held.as_ref())?;
            let clock = offer.ask_after.filter(|_| slot.driver.is_none()).map(|after| (offer.anchor, after));
            Some((held.token.clone(), clock, offer.watched))
        });
        let pass = pass.map(|(token, clock, watched)| Pass {
            header: token.header().clone(),
            epoch: token.epoch(),
            generation: token.generation(),
            clock,
            watched,
        });
        Snapshot { stamp, pass, copied: false }
    }

    /// The current token, if it can be used.
    pub(crate) fn usable_now(&self) -> Option<Token> {
        self.look(|slot, now| slot.usable(now).cloned())
    }

    /// The login there is; none before the store has been read.
    pub(crate) fn login_now(&self) -> Option<Epoch> {
        let machine = &lock(&self.slot).machine;
        (!machine.is_unloaded()).then(|| machine.epoch())
    }

    /// What a flight's token is to one who asked at `asked` and wakes up now: the token itself, the one that has replaced
    /// it (I-12), or nothing, if it had run out before it was asked for because nobody polled the flight.
    #[inline]
    pub(crate) fn brought(&self, cargo: Cargo, asked: Now) -> Result<Option<Token>, Error> {
        // A token that was good when the flight landed was good for those who had asked until then. Who reads the clock before
        // the lock is taken may have read it earlier than one who got the lock first.
        if cargo.stamp == self.stamp() && asked.boot <= cargo.landed {
            return Ok(Some(cargo.token));
        }
        self.brought_before(cargo.token, asked)
    }

    /// As [`brought`](Self::brought), if there has been some change since the flight landed.
    #[inline(never)]
    fn brought_before(&self, token: Token, asked: Now) -> Result<Option<Token>, Error> {
        let slot = lock(&self.slot);
        if slot.is_current(&token)? {
            let spent = slot.machine.was_spent(asked);
            drop(slot);
            return Ok(Some(token).filter(|_| !spent));
        }
        drop(slot);
        self.newest(&token)
    }

    /// The token to send now, given one that was obtained a while ago: a newer one of the same login if there is one, and
    /// none of another login (C-24).
    pub(crate) fn newest_of(&self, token: Token) -> Result<Token, Error> {
        if lock(&self.slot).is_current(&token)? {
            return Ok(token);
        }
        // A token that has just expired may still be the one this request waited for.
        Ok(self.newest(&token)?.unwrap_or(token))
    }

    /// The usable token that has replaced this one.
    fn newest(&self, token: &Token) -> Result<Option<Token>, Error> {
        self.look(|slot, now| {
            slot.is_current(token)?;
            Ok(slot.usable(now).cloned())
        })
    }

    /// Whether whoever has no token now waits a moment for the same attempt to be made again.
    pub(crate) fn replays_soon(&self) -> bool {
        self.look(|slot, now| slot.machine.replays_at(now).is_some())
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
        // Nearly always there is nothing to forget, and no clock is needed to see that.
        if lock(&self.slot).machine.watches() {
            self.change(|slot, _| slot.machine.accepted(origin));
        }
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
    /// Whether it is the current token.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::SessionChanged`] if it belongs to another login.
    fn is_current(&self, token: &Token) -> Result<bool, Error> {
        if self.machine.epoch() != token.epoch() {
            return Err(Error::new(ErrorKind::SessionChanged));
        }
        Ok(self.machine.over().is_none() && self.machine.generation() == token.generation())
    }

    fn usable(&self, now: Now) -> Option<&Token> {
        self.held.as_ref().filter(|_| self.machine.has_usable(now)).map(|held| &held.token)
    }
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
