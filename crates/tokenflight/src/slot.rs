//! The slot: one mutex over the machine and the work in progress.
//!
//! It is never held across a poll, a wake, an await or a function of the user's, nor the drop of
//! anything that can hold the user's code: what a change displaces is collected, and dropped after
//! the lock is released. Publishing a result and freeing its place is one step.

mod driven;
mod shown;
mod start;

use std::{collections::VecDeque, fmt, time::Duration};

use tokenflight_core::{Error, Event, Generation, LoginId, Now, store::OpId};
use tokenflight_machine::{Machine, Plan, Work};

use crate::{
    audiences::{Common, Members},
    catch::caught_call,
    driver::Link,
    flight::Flight,
    flights::{AnyFlight, Applied, Carry, Refreshed, Written},
    parts::Parts,
    session::{Access, Token},
    sync::{Arc, AtomicU64, Mutex, MutexGuard, Ordering, lock},
    wakers::{Listener, Wakers},
};

/// A session's state, shared by its handles.
// Field order matters: `Arc`'s counters lie just before this struct and are written by every clone;
// the stamp is read by every request, so it must not share their cache line.
#[repr(C)]
pub(crate) struct Inner {
    slot: Mutex<Slot>,
    pub(crate) parts: Arc<Parts>,
    /// The session that keeps the refresh token, if this is one of several audiences.
    pub(crate) common: Option<Arc<Common<Self>>>,
    /// The audiences, if this is the session that they have in common.
    pub(crate) members: Option<Arc<Members<Self>>>,
    changed: Wakers,
    stamp: Stamp,
}

/// Changes whenever a private copy of the token is out of date. What surrounds it on its cache line
/// is hardly ever written.
// Padding, not `align(64)`: that would also pad between the counters and the struct.
#[repr(C)]
struct Stamp {
    now: AtomicU64,
    _apart: [u64; 7],
}

pub(crate) struct Slot {
    pub(crate) machine: Machine<Access>,
    pub(crate) refresh: Option<Flight<Refreshed>>,
    pub(crate) write: Option<Flight<Written>>,
    /// What was left behind and still has something to do: a refresh of an earlier login, an
    /// operation of the store.
    owed: Vec<AnyFlight>,
    driver: Option<Arc<Link>>,
    /// Other drivers: those of audiences take over when that one goes, if this is the common
    /// session; those that were not polled yet inherit what the last handle leaves, if there is no
    /// driver by then.
    standby: Vec<Arc<Link>>,
    /// What the stamp stands for.
    shown: Shown,
    /// What is to be told, in order, and whether a thread is telling.
    events: VecDeque<Event>,
    telling: bool,
    /// Whether the driver has something to look at.
    notify: bool,
    /// Whether it was told that what is not stored is abandoned, and it was not tried since.
    given_up: bool,
    trash: Vec<AnyFlight>,
}

/// What requests and watchers have been shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Shown {
    login: LoginId,
    generation: Generation,
    usable: bool,
    /// From when and for how long it may be handed out without asking, if it may.
    offer: Option<(Now, Option<Duration>)>,
    driven: bool,
}

impl Inner {
    pub(crate) fn new(
        parts: Arc<Parts>,
        common: Option<Arc<Common<Self>>>,
        members: Option<Arc<Members<Self>>>,
        machine: Machine<Access>,
    ) -> Self {
        let slot = Slot {
            machine,
            refresh: None,
            write: None,
            owed: Vec::new(),
            driver: None,
            standby: Vec::new(),
            shown: Shown::default(),
            events: VecDeque::new(),
            telling: false,
            notify: false,
            given_up: false,
            trash: Vec::new(),
        };
        let stamp = Stamp { now: AtomicU64::new(1), _apart: [0; 7] };
        Self { slot: Mutex::new(slot), parts, common, members, changed: Wakers::default(), stamp }
    }

    /// Does one thing under the lock, shows what changed, and tells what happened.
    pub(crate) fn change<R>(&self, act: impl FnOnce(&mut Slot, Now) -> R) -> R {
        self.change_and_show(act).0
    }

    /// As [`change`](Self::change); also the stamp of what it left, zero if it is no usable token.
    pub(crate) fn change_and_show<R>(&self, act: impl FnOnce(&mut Slot, Now) -> R) -> (R, u64) {
        // The clock is the user's code: read before the lock is taken.
        self.change_at(self.parts.now(), act)
    }

    /// As [`change_and_show`](Self::change_and_show), at a moment that was read before.
    pub(crate) fn change_at<R>(&self, now: Now, act: impl FnOnce(&mut Slot, Now) -> R) -> (R, u64) {
        let mut slot = lock(&self.slot);
        let before = slot.machine.view();
        let result = act(&mut slot, now);
        let after = slot.machine.view();
        slot.events.extend(before.events(&after));
        let stamp = self.show(slot, now);
        self.tell();
        (result, stamp)
    }

    /// Puts an event of its own in line, and tells.
    pub(crate) fn announce(&self, event: Event) {
        lock(&self.slot).events.push_back(event);
        self.tell();
    }

    /// Tells that what is not stored by now is lost, unless it is tried again.
    pub(crate) fn give_up(&self) {
        self.note(|slot| slot.given_up = true);
        self.announce(Event::Abandoned);
    }

    /// A caller's question: it changes no more than what is in progress, and has nothing to tell.
    pub(crate) fn ask<R>(&self, now: Now, ask: impl FnOnce(&mut Slot) -> R) -> R {
        let mut slot = lock(&self.slot);
        let result = ask(&mut slot);
        // Of very many callers that are told to wait, all but the first change nothing.
        if slot.is_unchanged() {
            drop(slot);
        } else {
            self.show(slot, now);
        }
        result
    }

    /// Notes something that changes no token, starts nothing and has nothing to tell.
    pub(crate) fn note(&self, note: impl FnOnce(&mut Slot)) {
        note(&mut lock(&self.slot));
    }

    /// Looks at one thing under the lock.
    pub(crate) fn look<R>(&self, look: impl FnOnce(&Slot, Now) -> R) -> R {
        let now = self.parts.now();
        self.peek(|slot| look(slot, now))
    }

    /// As [`look`](Self::look), without a look at the clock.
    pub(crate) fn peek<R>(&self, look: impl FnOnce(&Slot) -> R) -> R {
        look(&lock(&self.slot))
    }

    /// Shows what changed, and releases the lock.
    fn show(&self, mut slot: MutexGuard<'_, Slot>, now: Now) -> u64 {
        let shown = slot.showing(now);
        let changed = shown != slot.shown;
        if changed {
            slot.shown = shown;
            self.stamp.now.fetch_add(1, Ordering::Release);
        }
        let stamp = if slot.shown.offer.is_some() { self.stamp() } else { 0 };
        let notified = std::mem::take(&mut slot.notify).then(|| slot.driver.clone()).flatten();
        let trash = (slot.machine.take_discarded(), std::mem::take(&mut slot.trash));
        drop(slot);
        if changed {
            self.members.iter().for_each(|members| members.learn(self));
            self.changed.wake_all();
        }
        if let Some(driver) = notified {
            driver.notify();
        }
        // Last: a destructor that panics costs none a wake.
        drop(trash);
        stamp
    }

    /// Tells what is in line, in order, with nothing locked. If another thread is at it, or this
    /// one further up, that one goes on with what is in line.
    fn tell(&self) {
        let mut telling = false;
        loop {
            let event = {
                let mut slot = lock(&self.slot);
                if slot.telling && !telling {
                    return;
                }
                let event = slot.events.pop_front();
                slot.telling = event.is_some();
                event
            };
            let Some(event) = event else { return };
            telling = true;
            self.parts.tell(&event);
            // It may hold the last reference to an error of the user's, whose destructor may panic:
            // others are to be told.
            let _ = caught_call(|| drop(event));
        }
    }

    /// The stamp; one atomic load.
    #[inline]
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp.now.load(Ordering::Acquire)
    }

    pub(crate) fn listen(&self) -> Listener<'_> {
        self.changed.listen()
    }

    /// Leaves a flight to the session, to be taken to its end.
    pub(crate) fn owe(&self, flight: AnyFlight) {
        self.change(|slot, _| {
            slot.forget_finished();
            slot.owed.push(flight);
            slot.notify = true;
        });
    }

    /// The try of this operation that was left behind and has not ended.
    pub(crate) fn trying(&self, op: OpId) -> Option<Flight<Applied>> {
        self.look(|slot, _| {
            slot.owed.iter().find_map(|owed| match owed {
                AnyFlight::Apply(flight, id) if *id == op && !flight.is_finished() => Some(flight.clone()),
                _ => None,
            })
        })
    }

    /// What is in progress, and what was left behind.
    pub(crate) fn flights(&self) -> Vec<AnyFlight> {
        self.look(|slot, _| slot.flights())
    }

    /// Refreshes that are in progress or were left behind, but for one that this thread is inside.
    pub(crate) fn other_refreshes(&self) -> Vec<AnyFlight> {
        let mut flights = self.flights();
        flights.retain(|flight| matches!(flight, AnyFlight::Refresh(refresh) if refresh.stay().is_ok()));
        flights
    }

    /// A refresh has panicked: frees its place without asking a clock, which may be what panics.
    pub(crate) fn crash(&self, plan: &Plan, error: &Error) {
        self.change_at(plan.started, |slot, _| {
            if slot.machine.running(Work::Refresh) == Some(plan.id) {
                slot.machine.crash(plan, error);
                slot.end_refresh();
            }
        });
    }
}

impl Slot {
    /// The refresh in progress has ended.
    pub(crate) fn end_refresh(&mut self) {
        self.trash.extend(self.refresh.take().map(AnyFlight::Refresh));
        self.notify = true;
    }

    /// The refresh in progress has done its part, and has something else to do: its place is free.
    pub(crate) fn leave_refresh(&mut self) {
        let refresh = self.refresh.take().map(AnyFlight::Refresh);
        self.leave(refresh);
    }

    /// The write in progress has ended.
    pub(crate) fn end_write(&mut self) {
        self.trash.extend(self.write.take().map(AnyFlight::Write));
        self.notify = true;
    }

    /// The write in progress has done its part, and has something else to do: its place is free.
    pub(crate) fn leave_write(&mut self) {
        let write = self.write.take().map(AnyFlight::Write);
        self.leave(write);
    }

    fn leave(&mut self, flights: impl IntoIterator<Item = AnyFlight>) {
        self.forget_finished();
        self.owed.extend(flights);
        self.notify = true;
    }

    /// There was a login or logout: what is in progress goes on for no caller. Returns it.
    pub(crate) fn abandon(&mut self) -> Vec<AnyFlight> {
        let (refresh, write) = (self.refresh.take().map(AnyFlight::Refresh), self.write.take().map(AnyFlight::Write));
        let left: Vec<_> = refresh.into_iter().chain(write).collect();
        self.leave(left.iter().cloned());
        left
    }

    /// Whether something is in progress, left behind or not stored.
    pub(crate) fn owes(&self) -> bool {
        self.machine.has_unsaved() || self.refresh.is_some() || !self.owed.is_empty()
    }

    /// All that is in progress or left behind, to keep moving, but for what this thread is inside.
    pub(crate) fn moving(&self) -> Vec<Carry> {
        // One that has ended is not forgotten yet: with it, a caller would never have to wait.
        self.flights().iter().filter(|flight| !flight.is_finished()).filter_map(AnyFlight::carry).collect()
    }

    /// What was left behind and has not ended.
    pub(crate) fn owed(&self) -> Vec<AnyFlight> {
        self.owed.clone()
    }

    pub(crate) const fn is_driven(&self) -> bool {
        self.driver.is_some()
    }

    /// Whether a question has left nothing to show, to drop or to tell. Where no token is shown, no
    /// question brings one.
    fn is_unchanged(&self) -> bool {
        self.shown.offer.is_none() && self.has_nothing_to_hand_over()
    }

    fn has_nothing_to_hand_over(&self) -> bool {
        !self.notify && self.trash.is_empty() && !self.machine.has_discarded()
    }

    fn forget_finished(&mut self) {
        if self.owed.is_empty() {
            return;
        }
        let (finished, owed) = std::mem::take(&mut self.owed).into_iter().partition(AnyFlight::is_finished);
        self.owed = owed;
        let mut finished: Vec<_> = finished;
        self.trash.append(&mut finished);
    }

    fn flights(&self) -> Vec<AnyFlight> {
        let refresh = self.refresh.clone().map(AnyFlight::Refresh);
        let write = self.write.clone().map(AnyFlight::Write);
        refresh.into_iter().chain(write).chain(self.owed.iter().cloned()).collect()
    }

    /// The current token, with its numbers.
    pub(crate) fn token(&self) -> Option<Token> {
        let machine = &self.machine;
        Some(Token::new(machine.token()?.clone(), machine.login_id(), machine.generation()))
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("key", &self.parts.key).finish_non_exhaustive()
    }
}
