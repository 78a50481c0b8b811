//! Answers: what the machine decides, and what that means for one who asks.

use std::time::Duration;

use tokenflight_core::{Error, ErrorKind, Now};
use tokenflight_machine::{Beside, Decision, FlightPlan, OriginId, Refused};

use super::{
    Ask, Token,
    slot::{Inner, Slot},
};
use crate::{
    flight::{Flight, Join, run},
    sync::{Arc, lock},
};

/// What one who asks gets.
#[derive(Debug)]
pub(crate) enum Supply {
    /// A token, and perhaps a flight that nobody else keeps moving.
    Token { token: Token, beside: Option<Join> },
    /// Wait for this flight. The store may not have been read yet.
    Join { flight: Join, unloaded: bool },
    /// Ask again when the boot clock shows this.
    Later(Duration),
    /// No token.
    Refused(Error),
}

impl Inner {
    /// Answers one who wants a token at this moment.
    pub(crate) fn ask(self: &Arc<Self>, ask: &mut Ask, now: Now) -> Supply {
        let mut slot = lock(&self.slot);
        let decision = slot.decide(ask, now);
        let supply = slot.supply(&decision, self);
        // The herd, who are told to wait for what is on its way, change nothing.
        if matches!(decision, Decision::Join { .. }) && slot.shown.0.is_none() {
            drop(slot);
        } else {
            self.show(slot, now);
        }
        board(supply, &decision)
    }

    /// Joins or starts the flight that stores what is not stored yet; `None` if everything is.
    pub(crate) fn ask_to_save(self: &Arc<Self>) -> Option<Supply> {
        let (decision, supply) = self.change(|slot, now| {
            let decision = slot.machine.flush(now)?;
            let supply = slot.supply(&decision, self);
            Some((decision, supply))
        })?;
        Some(board(supply, &decision))
    }
}

impl Slot {
    fn decide(&mut self, ask: &mut Ask, now: Now) -> Decision {
        let machine = &mut self.machine;
        match *ask {
            Ask::Usable => machine.usable(now),
            Ask::Lasting(time) => machine.lasting(time, now),
            Ask::Forced => machine.force(now),
            Ask::Refused(refused) => machine.refused(refused, now),
            Ask::Newer { ref mut epoch, generation } => {
                let epoch = *epoch.get_or_insert(machine.epoch());
                machine.refused(Refused::new(epoch, generation, OriginId::default()), now)
            }
        }
    }

    /// What a decision means for one who asked.
    fn supply(&mut self, decision: &Decision, session: &Arc<Inner>) -> Supply {
        let unloaded = self.machine.is_unloaded();
        match decision {
            Decision::Join { .. } => match &self.flight {
                Some(flight) => Supply::Join { flight: flight.join(), unloaded },
                None => Supply::Refused(Error::new(ErrorKind::Closed)),
            },
            Decision::Start(plan) => Supply::Join { flight: self.take_off(*plan, session), unloaded },
            Decision::Use { beside } => {
                let beside = self.beside(beside, session);
                // The machine says "use" only with a token; should that ever break, it must not become a panic.
                let Some(held) = &self.held else { return Supply::Refused(Error::new(ErrorKind::NotLoggedIn)) };
                Supply::Token { token: held.token.clone(), beside }
            }
            Decision::Wait { until } => Supply::Later(*until),
            Decision::Refuse(error) => Supply::Refused(error.clone()),
        }
    }

    /// What goes on beside a usable token: the driver's business, if there is one.
    fn beside(&mut self, beside: &Beside, session: &Arc<Inner>) -> Option<Join> {
        let join = match beside {
            Beside::Nothing => None,
            Beside::Join(_) => self.flight.as_ref().map(Flight::join),
            Beside::Start(plan) => Some(self.take_off(*plan, session)),
        };
        join.filter(|_| self.driver.is_none())
    }

    /// Puts a new flight into the slot. Nothing of it runs before it is polled.
    pub(super) fn take_off(&mut self, plan: FlightPlan, session: &Arc<Inner>) -> Join {
        let work = run::run(Arc::clone(&session.parts), Arc::downgrade(session), plan);
        let flight = Flight::new(plan.id, Box::pin(work));
        let join = flight.join();
        self.flight = Some(flight);
        self.nudge = true;
        join
    }
}

/// Waits with the flight, unless this very thread is inside its work (hazard 5).
fn board(supply: Supply, decision: &Decision) -> Supply {
    if let Supply::Join { flight, .. } = &supply {
        if flight.polled_here() {
            return Supply::Refused(Error::new(ErrorKind::Recursion));
        }
        if matches!(decision, Decision::Join { overdue: true, .. }) {
            flight.kick();
        }
    }
    supply
}
