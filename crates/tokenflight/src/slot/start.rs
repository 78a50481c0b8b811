//! Starting what is to be done, and joining what is in progress.

use std::time::Duration;

use tokenflight_core::{Error, ErrorKind};
use tokenflight_machine::{Beside, Decision, Plan, Start, Work, WorkId};

use super::{Inner, Slot};
use crate::{
    flight::{Flight, Join},
    flights::{AnyFlight, Carries, Refreshed, Written},
    refresh::{self, Wish},
    sync::Arc,
    telemetry::Cause,
    unstored::Unstored,
    write,
};

/// What is waited for before the session is asked again.
#[derive(Debug)]
pub(crate) enum Wait {
    /// A refresh; and whether it has to be polled, so that it looks at the clock and whether its
    /// own caller still waits.
    Refresh(Join<Refreshed>, bool),
    /// A refresh, until the boot clock shows this.
    Briefly(Join<Refreshed>, Duration),
    /// What is being stored.
    Write(Join<Written>),
    /// Until the boot clock shows this.
    Until(Duration),
}

impl Slot {
    /// Starts or joins what has to be waited for; a refresh that is started is for this audience.
    ///
    /// # Errors
    ///
    /// There is nothing to wait for.
    pub(crate) fn pursue(
        &mut self,
        decision: Decision,
        wish: Option<&Arc<Wish>>,
        cause: &mut Cause,
        session: &Arc<Inner>,
    ) -> Result<Wait, Error> {
        match decision {
            Decision::Join { work: Work::Refresh, overdue } => {
                self.join_refresh().map(|join| Wait::Refresh(join, overdue || wish.is_some()))
            }
            Decision::Start(Start::Refresh(plan)) => {
                self.start_refresh(plan, wish.cloned(), cause, session);
                self.join_refresh().map(|join| Wait::Refresh(join, false))
            }
            Decision::Start(Start::Write(id)) => self.join_write(id, session).map(Wait::Write),
            Decision::Join { work: Work::Write, .. } => match self.machine.running(Work::Write) {
                Some(id) => self.join_write(id, session).map(Wait::Write),
                None => Err(Error::new(ErrorKind::Closed)),
            },
            Decision::Wait { until } => Ok(Wait::Until(until)),
            Decision::Refuse(error) => Err(error),
            Decision::Use { .. } => Err(Error::new(ErrorKind::Closed)),
        }
    }

    /// Starts a refresh, perhaps for one of several audiences. Nothing runs before it is polled.
    pub(super) fn start_refresh(
        &mut self,
        plan: Plan,
        wish: Option<Arc<Wish>>,
        cause: &mut Cause,
        session: &Arc<Inner>,
    ) {
        let (parts, weak) = (Arc::clone(&session.parts), Arc::downgrade(session));
        let cause = cause.take();
        self.refresh = Some(Flight::of(|fate| Box::pin(refresh::run(parts, weak, plan, wish, cause, fate))));
        self.notify = true;
    }

    /// Starts a write. Nothing of it runs before it is polled.
    pub(super) fn start_write(&mut self, id: WorkId, session: &Arc<Inner>) {
        let Some(pending) = self.machine.pending(id).cloned() else { return };
        let left = Unstored { pending, generation: self.machine.generation() };
        let (parts, weak) = (Arc::clone(&session.parts), Arc::downgrade(session));
        let flight = Flight::of(|fate| Box::pin(write::run(parts, weak, id, left, fate)));
        self.trash.extend(self.write.replace(flight).map(AnyFlight::Write));
        (self.notify, self.given_up) = (true, false);
    }

    #[inline]
    fn join_refresh(&self) -> Result<Join<Refreshed>, Error> {
        let flight = self.refresh.as_ref().ok_or_else(|| Error::new(ErrorKind::Closed))?;
        Ok(flight.join()?)
    }

    /// Joins the write of this name, or starts it.
    pub(crate) fn join_write(&mut self, id: WorkId, session: &Arc<Inner>) -> Result<Join<Written>, Error> {
        if self.write.is_none() {
            self.start_write(id, session);
        }
        let flight = self.write.as_ref().ok_or_else(|| Error::new(ErrorKind::Closed))?;
        Ok(flight.join()?)
    }

    /// What a caller keeps moving beside its token.
    pub(crate) fn carry_beside(&mut self, beside: Option<Beside>, session: &Arc<Inner>) -> Option<Box<Carries>> {
        if let Some(Beside::Write(id)) = beside {
            self.start_write(id, session);
        }
        let current = match beside {
            Some(Beside::Join(Work::Refresh)) => self.refresh.clone().map(AnyFlight::Refresh),
            Some(Beside::Join(Work::Write) | Beside::Write(_)) => self.write.clone().map(AnyFlight::Write),
            None => None,
        };
        self.carry(current)
    }

    /// Whether something was left behind.
    #[inline]
    pub(crate) fn owes_others(&self) -> bool {
        !self.owed.is_empty()
    }

    /// What was left behind, which a caller that waits keeps moving: a driver may go meanwhile.
    #[inline]
    pub(crate) fn carry_owed(&mut self) -> Option<Box<Carries>> {
        if self.owed.is_empty() { None } else { self.carry(None) }
    }

    fn carry(&mut self, current: Option<AnyFlight>) -> Option<Box<Carries>> {
        self.forget_finished();
        Carries::of(current.iter().chain(&self.owed).filter_map(AnyFlight::carry)).map(Box::new)
    }
}
