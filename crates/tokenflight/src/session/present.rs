//! The common session of several audiences: presenting its refresh token for one of them.

use std::time::Duration;

use tokenflight_core::{Error, ErrorKind, Now};
use tokenflight_machine::{Decision, Start, Work};

use crate::{
    flight::{Flight, Join},
    refresh::{Refreshed, Wish},
    slot::{Carry, Inner, Slot},
    sync::Arc,
    telemetry::Cause,
    time::Deadline,
    unstored::Written,
};

/// What a wish waits for before it looks again.
#[derive(Debug)]
pub(crate) enum Step {
    Refresh(Join<Refreshed>),
    Write(Join<Written>),
    Until(Duration),
}

impl Inner {
    /// Joins the work in progress, or starts a refresh for the next wish.
    ///
    /// # Errors
    ///
    /// Nothing can be presented; or there was a login or logout since the wish was made.
    pub(crate) fn present(self: &Arc<Self>, pin: u64, next: impl FnOnce() -> Arc<Wish>) -> Result<Step, Error> {
        let (now, next, mut cause) = (self.parts.now(), next(), Cause::here());
        let (step, joined) = self.ask(now, |slot| match slot.machine.resets() == pin {
            true => slot.present(&next, now, &mut cause, self),
            false => (Err(Error::new(ErrorKind::SessionChanged)), None),
        });
        // With nothing locked: it may be the last one to hold the grant.
        drop(next);
        // So that it looks whether its own caller still waits, and at the clock.
        if let Some(flight) = joined {
            flight.fire();
        }
        step
    }

    /// What a caller with a usable token of an audience keeps moving of the common session, if no driver does.
    pub(super) fn beside_common(&self) -> Option<Box<Carry>> {
        let common = &self.parts.common.as_ref()?.root.inner;
        let now = common.parts.now();
        common.ask(now, |slot| {
            let beside = if slot.is_driven() { None } else { slot.machine.beside(now) };
            slot.carry_beside(beside, common)
        })
    }

    /// Whether requests of an audience have to ask, because the common session has no driver and owes something.
    pub(crate) fn asks_for_common(&self) -> bool {
        self.parts.common.as_ref().is_some_and(|common| {
            let owes = |slot: &Slot| slot.machine.has_unsaved() || slot.refresh.is_some();
            common.root.inner.peek(|slot| !slot.is_driven() && owes(slot))
        })
    }

    /// Waits for it.
    pub(crate) async fn through(self: &Arc<Self>, step: Step) -> Result<(), Error> {
        match step {
            // What it has brought is the wish's that it was for.
            Step::Refresh(join) => drop(join.await),
            Step::Write(join) => self.written(join).await?,
            Step::Until(at) => Box::pin(Deadline::at(Arc::clone(&self.parts.time), at)).await?,
        }
        Ok(())
    }
}

impl Slot {
    fn present(
        &mut self,
        wish: &Arc<Wish>,
        now: Now,
        cause: &mut Cause,
        session: &Arc<Inner>,
    ) -> (Result<Step, Error>, Option<Flight<Refreshed>>) {
        let mut joined = None;
        let step = match self.machine.present(wish.reason, now) {
            Decision::Start(Start::Refresh(plan)) => {
                self.start_refresh(plan, Some(Arc::clone(wish)), cause, session);
                self.join_refresh().map(Step::Refresh)
            }
            Decision::Join { work: Work::Refresh, .. } => {
                let join = self.join_refresh().map(Step::Refresh);
                joined = self.refresh.clone().filter(|_| join.is_ok());
                join
            }
            Decision::Start(Start::Write(id)) => self.join_write(id, session).map(Step::Write),
            Decision::Join { work: Work::Write, .. } => match self.machine.running(Work::Write) {
                Some(id) => self.join_write(id, session).map(Step::Write),
                None => Err(Error::new(ErrorKind::Closed)),
            },
            Decision::Wait { until } => Ok(Step::Until(until)),
            Decision::Refuse(error) => Err(error),
            // A token of the common session is no audience's.
            Decision::Use { .. } => Err(Error::new(ErrorKind::Closed)),
        };
        (step, joined)
    }
}
