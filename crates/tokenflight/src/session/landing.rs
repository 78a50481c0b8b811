//! The end of a flight: what it brought is published and the slot freed, in one step.

use tokenflight_core::{Epoch, Error, ErrorKind, FailureClass, Generation, event::Source};
use tokenflight_machine::{FlightPlan, Landing, Publish};

use super::slot::{Held, Inner};
use crate::{
    flight::{Cargo, Landed, Pending},
    sync::lock,
};

/// What a landing changed.
pub(crate) struct Touchdown {
    pub(crate) landed: Landed,
    /// The result was discarded because the session was logged out: nobody will use its tokens.
    pub(crate) unwanted: bool,
}

impl Inner {
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
                held.token = held.token.clone().numbered(&slot.machine);
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
        let ((verdict, token, landed, unwanted, old), stamp) = self.change_and_show(|slot, now| {
            let before = slot.machine.span();
            let mut verdict = slot.machine.land(plan, landing, now, random);
            let logged_out = slot.machine.over().is_some_and(|error| *error.kind() == ErrorKind::LoggedOut);
            let mut old = (None, None, None);
            if verdict.publish != Publish::Stale {
                old.0 = slot.flight.take();
                slot.nudge = true;
                match verdict.publish {
                    Publish::New => {
                        if repeats(slot.held.as_ref(), cargo.as_ref()) {
                            let found = matches!(landing, Landing::Found(_));
                            slot.machine.repeated(before, if found { Source::Store } else { Source::Server });
                        }
                        old.1 = std::mem::replace(&mut slot.held, cargo);
                    }
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
                if let Some(held) = &mut slot.held {
                    held.token = held.token.clone().numbered(&slot.machine);
                }
            }
            (verdict, slot.held.as_ref().map(|held| held.token.clone()), now.boot, logged_out, old)
        });
        drop(old);
        self.parts.teller.tell(&verdict.events);
        let stale = verdict.publish == Publish::Stale;
        let landed = match (verdict.publish, landing) {
            (Publish::New, _) => Ok(token.map(|token| Cargo { token, stamp, landed })),
            (Publish::Stale, _) if unwanted => Err(Error::new(ErrorKind::LoggedOut)),
            (Publish::Stale, _) => Err(Error::new(ErrorKind::SessionChanged)),
            (_, Landing::Failed { error, .. } | Landing::Over { error, .. } | Landing::NotFlushed(error)) => {
                Err(error.clone())
            }
            _ => Ok(None),
        };
        Touchdown { landed, unwanted: stale && unwanted }
    }

    /// A flight has panicked: frees the slot without asking a clock, which may be what panics.
    pub(crate) fn crash(&self, plan: &FlightPlan, error: &Error) {
        let landing = Landing::Failed { class: FailureClass::Ambiguous, error: error.clone(), rotated: None };
        let mut slot = lock(&self.slot);
        let verdict = slot.machine.land(plan, &landing, plan.started, 0);
        let flight = slot.flight.take_if(|flight| flight.id() == plan.id);
        let driver = slot.driver.clone();
        drop(slot);
        drop(flight);
        self.parts.teller.tell(&verdict.events);
        if let Some(driver) = driver {
            driver.nudge();
        }
    }
}

/// Whether this is the access token that was there before.
fn repeats(before: Option<&Held>, after: Option<&Held>) -> bool {
    before.zip(after).is_some_and(|(before, after)| before.token.access() == after.token.access())
}
