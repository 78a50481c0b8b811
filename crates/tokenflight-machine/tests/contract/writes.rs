//! What a holder writes: commit, end, settle, login, logout, what a failover lost, and the swap.

use tokenflight_core::{EndReason, store::Outcome};

use crate::prelude::*;

/// For how many ticks a commit that failed is left alone by a holder that is too slow.
const SLOW: u8 = 2;

impl World {
    pub(crate) fn try_write(&self, state: &State, h: usize) -> State {
        let mut state = *state;
        if !self.read(&mut state, h) {
            self.write_failed(&mut state, h);
            return state;
        }
        let (record, incarnation) = (state.record, state.incarnation);
        let reset = matches!(state.holders[h].write.kind, Kind::Login | Kind::Logout);
        if reset && !state.holders[h].write.begun && self.must_write_back(&mut state, h) {
            return state;
        }
        let late = self.rules.lacks(Mutant::BaseFromFirstSuccess);
        let write = &mut state.holders[h].write;
        if reset && (!write.begun || (late && write.born.is_none())) {
            write.base = record.login;
        }
        write.begun = true;
        write.born.get_or_insert(incarnation);
        let write = *write;
        let op = self.write_op(&state, h);
        let facts = self.facts(&state, h);
        match self.rules.apply(&record, op, facts, self.tries(&state, h, write.unknown)) {
            (Some(new), told) => self.prepare(&mut state, h, new, told),
            (None, told) => self.write_told(&mut state, h, told),
        }
        state
    }

    fn write_op(&self, state: &State, h: usize) -> Op {
        let (attempt, write) = (state.holders[h].attempt, state.holders[h].write);
        let bridge = &self.rules.bridge;
        let owner = self.rules.owner(attempt.owner);
        let (epoch, login, over) = (Epoch::new(attempt.epoch.into()), attempt.login, bridge::op_id(attempt.over));
        let presented = || Some(bridge.refresh(&attempt.tokens));
        let login = bridge::op_id(login);
        let body = match write.kind {
            Kind::Commit => {
                Body::Commit { epoch, login, over, presented: presented(), next: bridge.stored(&write.next) }
            }
            Kind::End => {
                let reason = EndReason::new("invalid_grant");
                Body::End { owner, epoch, login, over, presented: presented(), reason, at: Duration::ZERO }
            }
            Kind::Untouched | Kind::None => Body::Settle { owner, outcome: Outcome::Untouched },
            Kind::Ambiguous => Body::Settle { owner, outcome: Outcome::Ambiguous(self.config.policy()) },
            Kind::Login | Kind::Logout => {
                let tokens = (write.kind == Kind::Login).then(|| bridge.stored(&write.next));
                Body::Reset { base: (write.base != 0).then(|| bridge::op_id(write.base)), tokens }
            }
        };
        let mut op = Op::new(write.born.and_then(bridge::incarnation), self.now(state, h), body);
        op.id = bridge::op_id(write.id);
        op.tried = write.tried.map(|tokens| {
            let entry = Record { session: Session::Active(tokens), ..state.record };
            Box::new(bridge.entry(&entry))
        });
        op
    }

    /// The store could not be asked.
    fn write_failed(&self, state: &mut State, h: usize) {
        let holder = &mut state.holders[h];
        match holder.write.kind {
            Kind::Untouched | Kind::Ambiguous => self.give_up_settle(state, h),
            Kind::Commit => {
                if self.rules.lacks(Mutant::TurnReleasedEarly) {
                    holder.lock = 0;
                }
                if self.rules.lacks(Mutant::CommitRetriedSlowly) {
                    holder.rest = SLOW;
                }
                if self.rules.lacks(Mutant::UnsavedNotFirst) {
                    state.breaks(crate::laws::Law::Kept);
                }
            }
            Kind::Login | Kind::Logout if !holder.write.begun => {
                holder.write.begun = true;
                holder.write.base = holder.known.map_or(0, |known| known.login);
            }
            Kind::Login | Kind::Logout | Kind::End | Kind::None => {}
        }
    }

    /// The claim runs out by itself.
    fn give_up_settle(&self, state: &mut State, h: usize) {
        let holder = &mut state.holders[h];
        let owner = holder.attempt.owner;
        let untouched = holder.write.kind == Kind::Untouched;
        holder.finish();
        if untouched {
            holder.unsent = owner;
        }
    }

    fn write_told(&self, state: &mut State, h: usize, told: Told) {
        let write = state.holders[h].write;
        let reset = matches!(write.kind, Kind::Login | Kind::Logout);
        match told {
            Told::Stored(replaced) => {
                if reset {
                    self.check_reset_told(state, h, true, replaced);
                }
            }
            Told::Conflict | Told::Overtaken => {
                if self.must_write_back(state, h) {
                    return;
                }
                match write.kind {
                    Kind::Commit => self.check_refused(state, h),
                    _ if reset => self.check_reset_told(state, h, false, None),
                    _ => {}
                }
            }
            Told::Nothing | Told::Granted | Told::Changed | Told::Busy => {}
        }
        self.adopt(state, h);
        state.holders[h].finish();
    }

    pub(crate) fn try_again(&self, state: &State, h: usize) -> State {
        let mut state = *state;
        if !self.read(&mut state, h) {
            return state;
        }
        let record = state.record;
        let Some(known) = state.holders[h].known else { return state };
        let body = Body::Again { record: Box::new(self.rules.bridge.entry(&known)) };
        let mut op = Op::new(None, self.now(&state, h), body);
        op.id = bridge::op_id(state.holders[h].again);
        let facts = self.facts(&state, h);
        match self.rules.apply(&record, op, facts, self.tries(&state, h, false)) {
            (Some(new), told) => self.prepare(&mut state, h, new, told),
            (None, _) => self.again_told(&mut state, h),
        }
        state
    }

    fn again_told(&self, state: &mut State, h: usize) {
        self.adopt(state, h);
        state.holders[h].again = 0;
    }

    /// Whether a swap would take effect now.
    pub(crate) fn fits(&self, state: &State, swap: &Swap) -> bool {
        let same_line = state.incarnation == swap.incarnation || self.rules.lacks(Mutant::CompareWithoutIncarnation);
        self.rules.lacks(Mutant::NoCompare) || (state.record.op == swap.expected && same_line)
    }

    /// A swap takes effect.
    pub(crate) fn land(&self, state: &mut State, new: &Record) {
        self.check_landing(state, new);
        if state.left.failovers > 0 {
            state.history.copy_within(..LOST - 1, 1);
            state.history[0] = Some(state.record);
            state.history[self.config.depth..].fill(None);
        }
        state.record = *new;
    }

    /// The swap that the holder is about to make, without a fault.
    pub(crate) fn swap(&self, state: &State, h: usize) -> State {
        let mut state = *state;
        let Some(swap) = state.holders[h].swap.take() else { return state };
        if !self.reaches(&state, h) {
            self.read(&mut state, h);
            self.outcome_unknown(&mut state, h, swap.computed_on);
            return state;
        }
        if !self.fits(&state, &swap) {
            // Lost: load again.
            state.holders[h].erred = false;
            return state;
        }
        self.land(&mut state, &swap.new);
        if state.holders[h].again != 0 {
            self.again_told(&mut state, h);
        } else if state.holders[h].phase == Phase::Claim {
            let told = if swap.granted { Told::Granted } else { Told::Busy };
            state.holders[h].attempt.unknown = false;
            self.claim_told(&mut state, h, told, &swap.new);
        } else {
            self.write_told(&mut state, h, Told::Stored(swap.replaced));
        }
        state
    }

    /// The store's answer to a swap was lost.
    pub(crate) fn outcome_unknown(&self, state: &mut State, h: usize, computed_on: Option<Tokens>) {
        let holder = &mut state.holders[h];
        let lets_go = self.rules.lets_go(StoreErrorKind::Unknown, false);
        holder.erred = self.rules.lacks(Mutant::OpIdAfterErrorsOnly);
        if holder.again != 0 {
            return;
        }
        match (holder.phase, holder.write.kind) {
            (Phase::Claim, _) if lets_go => holder.abandon(),
            (Phase::Claim, _) => holder.attempt.unknown = true,
            (_, Kind::Untouched | Kind::Ambiguous) => self.give_up_settle(state, h),
            (_, kind) if lets_go => {
                holder.finish();
                if kind == Kind::Commit {
                    state.breaks(crate::laws::Law::Kept);
                }
            }
            (_, kind) => {
                holder.write.unknown = true;
                if matches!(kind, Kind::Login | Kind::Logout) {
                    holder.write.tried = computed_on;
                }
                if kind == Kind::Commit && self.rules.lacks(Mutant::TurnReleasedEarly) {
                    holder.lock = 0;
                }
                if kind == Kind::Commit && self.rules.lacks(Mutant::CommitRetriedSlowly) && holder.polled {
                    holder.rest = SLOW;
                }
            }
        }
    }
}
