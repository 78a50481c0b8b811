//! The session's side of its driver: who drives it, what there is to do, and what it leaves.

use std::time::Duration;

use tokenflight_core::Now;
use tokenflight_machine::{Role, Work};

use super::{Inner, Slot};
use crate::{
    driver::{Left, Link},
    flight::Flight,
    flights::AnyFlight,
    sync::{Arc, Ordering, lock},
    telemetry::Cause,
    unstored::Unstored,
};

/// What the driver has to do for a session.
#[derive(Default)]
pub(crate) struct Visit {
    pub(crate) flights: Vec<AnyFlight>,
    pub(crate) next: Option<Duration>,
    /// Whether something is in progress or not stored.
    pub(crate) owes: bool,
}

impl Inner {
    /// Has every request ask once more.
    pub(crate) fn outdate(&self) {
        self.stamp.now.fetch_add(1, Ordering::Release);
    }

    /// This will be the session's driver when it is first polled.
    pub(crate) fn expect(&self, driver: Arc<Link>) {
        self.note(|slot| slot.standby.push(driver));
    }

    /// Makes this the session's driver.
    pub(crate) fn attach(&self, driver: Arc<Link>) {
        let old = self.change(|slot, now| {
            slot.machine.settle_in(now);
            slot.standby.retain(|standby| !Arc::ptr_eq(standby, &driver));
            let old = slot.driver.replace(driver);
            if slot.machine.rules().role != Role::Common {
                return old;
            }
            slot.standby.extend(old);
            None
        });
        // The one before has nothing left to do here, and must notice.
        if let Some(old) = old {
            old.dismiss();
        }
    }

    /// The driver is gone: another one takes over, or the clock is looked at by requests again.
    pub(crate) fn detach(&self, driver: &Arc<Link>) {
        // Without a look at the clock, which may be why the driver goes.
        let ((next, _gone), _) = self.change_at(Now::new(Duration::ZERO, Duration::ZERO), |slot, _| {
            if slot.is_driven_by(driver) {
                let next = slot.standby.iter().rposition(|standby| standby.is_polled());
                let next = next.map(|next| slot.standby.remove(next));
                return (next.clone(), std::mem::replace(&mut slot.driver, next));
            }
            let place = slot.standby.iter().position(|standby| Arc::ptr_eq(standby, driver));
            (None, place.map(|place| slot.standby.remove(place)))
        });
        if let Some(next) = next {
            next.notify();
        }
    }

    /// What the driver has to do; `None` if the session needs it no more.
    pub(crate) fn visit(self: &Arc<Self>, driver: &Arc<Link>, resumed: bool) -> Option<Visit> {
        let mut cause = Cause::here();
        let (visit, overdue) = self.change(|slot, now| {
            if !slot.is_driven_by(driver) {
                let waits = slot.standby.iter().any(|standby| Arc::ptr_eq(standby, driver));
                return waits.then(|| (Visit::default(), None));
            }
            if resumed {
                slot.machine.resume(now);
            }
            let tick = slot.machine.tick(now);
            if let Some(write) = tick.write {
                slot.start_write(write, self);
            }
            if let Some(plan) = tick.refresh {
                slot.start_refresh(plan, None, &mut cause, self);
            }
            slot.notify = false;
            slot.forget_finished();
            let flights = slot.flights();
            let machine = &slot.machine;
            let owes = machine.has_unsaved() || !flights.is_empty();
            if machine.is_closing() && !owes {
                return None;
            }
            let overdue = slot.refresh.clone().filter(|_| tick.overdue);
            Some((Visit { flights, next: tick.next, owes }, overdue))
        })?;
        if let Some(flight) = overdue {
            flight.fire();
        }
        Some(visit)
    }
}

impl Slot {
    /// Nothing starts but what stores something. The driver has to notice that it is not needed.
    pub(crate) fn close(&mut self) {
        self.machine.close();
        self.notify = true;
    }

    fn is_driven_by(&self, driver: &Arc<Link>) -> bool {
        self.driver.as_ref().is_some_and(|current| Arc::ptr_eq(current, driver))
    }
}

/// What is still in the slot when the last handle goes is the drivers': a rotation, a login and a
/// logout must reach the store, by whichever of them is polled. It leaves in one message, which is
/// also what tells a driver that the session is gone. *Test*: `tests/handles`,
/// `…_outlives_the_last_handle`.
impl Drop for Inner {
    fn drop(&mut self) {
        let mut slot = lock(&self.slot);
        let (flights, generation) = (slot.flights(), slot.machine.generation());
        // What a write in progress stores, that carries on.
        let carries = slot.write.as_ref().is_some_and(|write| !write.is_finished());
        let written = slot.machine.running(Work::Write).filter(|_| carries);
        let pending = slot.machine.take_pending().filter(|pending| Some(pending.id()) != written);
        let heirs: Vec<_> = slot.driver.take().into_iter().chain(std::mem::take(&mut slot.standby)).collect();
        let given_up = slot.given_up;
        let rest = (slot.refresh.take(), slot.write.take(), std::mem::take(&mut slot.owed));
        drop(slot);
        // What has ended is dropped last: a destructor that panics must cost the driver nothing.
        let (ended, mut flights): (Vec<_>, Vec<_>) = flights.into_iter().partition(AnyFlight::is_finished);
        if let Some(pending) = pending {
            let store = Unstored { pending, generation }.store(Arc::clone(&self.parts));
            flights.push(AnyFlight::Write(Flight::new(Box::pin(store))));
        }
        // Without a driver it is lost, and that is told as it is dropped.
        let left = Arc::new(Left::new(Arc::clone(&self.parts), flights, given_up));
        heirs.iter().for_each(|heir| heir.leave(Arc::clone(&left)));
        drop(left);
        drop((ended, rest));
    }
}
