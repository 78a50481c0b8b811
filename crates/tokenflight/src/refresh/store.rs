//! A refresh in progress, and its way to the store.

use tokenflight_core::store::{Op, Owner};
use tokenflight_machine::{Plan, Work};

use super::wish::Wish;
use crate::{
    flight::{Fate, Flight, Recursion},
    flights::{AnyFlight, Applied},
    parts::{MOST_AGAIN, Parts, is_refused_by_ancestor, unknown},
    slot::Inner,
    sync::{Arc, Weak},
    telemetry::RefreshSpan,
};

/// One refresh in progress.
pub(super) struct Refresh {
    pub(super) parts: Arc<Parts>,
    /// Weak: the slot holds the flight, and neither must keep the other alive.
    pub(super) session: Weak<Inner>,
    pub(super) plan: Plan,
    /// For which audience it is, if the session is the common one of several.
    pub(super) wish: Option<Arc<Wish<Inner>>>,
    pub(super) fate: Fate,
    pub(super) span: RefreshSpan,
}

impl Refresh {
    /// Does one operation on what this refresh has claimed. If only a loss of the storage was in
    /// its way, it is done again.
    pub(super) async fn apply_over(&self, op: &Op) -> Applied {
        let mut applied = self.apply(op.clone()).await;
        for _ in 0..MOST_AGAIN {
            if !is_refused_by_ancestor(self.plan.known.as_ref(), &applied) {
                break;
            }
            // Boxed, because it is rare, and would make every refresh larger. Another process may
            // have written it back by now.
            if let Some(again) = Box::pin(self.parts.lost(self.plan.known.as_ref())).await? {
                Box::pin(self.apply(again)).await?;
            }
            applied = Box::pin(self.apply(op.clone().at(self.parts.now()))).await;
        }
        applied
    }

    /// Does one operation of the store, within its limit. What takes longer goes on, and is the
    /// session's to carry.
    pub(super) async fn apply(&self, op: Op) -> Applied {
        let id = op.id;
        let flight: Flight<Applied> = self.parts.apply(op);
        let Ok(stay) = flight.stay() else { return Err(unknown("the store waits for itself")) };
        match self.parts.within(self.parts.policy().store_limit, stay).await {
            Some(applied) => applied,
            None => {
                // If the session is gone, it is this refresh that carries it to its end.
                let Some(session) = self.session.upgrade() else {
                    return match flight.stay() {
                        Ok(stay) => Box::pin(stay).await,
                        Err(Recursion) => Err(unknown("the store waits for itself")),
                    };
                };
                session.owe(AnyFlight::Apply(flight, id));
                Err(unknown("the store did not answer in time"))
            }
        }
    }

    /// Whether the session still has it in progress.
    pub(super) fn is_wanted(&self) -> bool {
        let session = self.session.upgrade();
        session.is_some_and(|session| session.look(|slot, _| slot.machine.running(Work::Refresh) == Some(self.plan.id)))
    }

    /// An attempt of this session that has sent nothing, and whose claim may still be stored.
    pub(super) fn unsent(&self) -> Option<Owner> {
        self.session.upgrade()?.look(|slot, _| slot.machine.unsent())
    }

    /// Notes whether this attempt leaves a claim behind under which nothing was sent.
    pub(super) fn set_unsent(&self, owner: Owner, left: bool) {
        if let Some(session) = self.session.upgrade() {
            session.change(|slot, _| slot.machine.set_unsent(left.then_some(owner)));
        }
    }
}
