//! Which steps there are from a state: those of holders, of the server, of time, and faults.

use crate::{prelude::*, rules::Rules};

/// A step, and where it leads.
pub(crate) struct Step {
    pub(crate) holder: Option<usize>,
    pub(crate) what: &'static str,
    pub(crate) state: State,
}

/// A configuration with the rules under test.
pub(crate) struct Fixture {
    pub(crate) config: Config,
    pub(crate) rules: Rules,
}

pub(crate) type Steps = Vec<Step>;

/// Adds a step.
pub(crate) fn push(steps: &mut Steps, holder: impl Into<Option<usize>>, what: &'static str, state: State) {
    steps.push(Step { holder: holder.into(), what, state });
}

impl Fixture {
    pub(crate) fn new(config: Config, mutant: Option<Mutant>) -> Self {
        Self { config, rules: Rules::new(config, mutant) }
    }

    pub(crate) fn first(&self) -> State {
        let incarnation = Id::from(self.config.storage != Storage::File);
        let tokens = Tokens { family: 1, refresh: 0, access: 0, usable: self.config.lifetime() };
        let record = Record {
            op: 1,
            home: incarnation,
            epoch: 1,
            login: 1,
            rotation: 1,
            set: 1,
            session: Session::Active(tokens),
            claim: None,
            doubt: None,
        };
        let mut holders = [Holder::default(); 3];
        for (h, holder) in holders.iter_mut().enumerate() {
            holder.incarnation = incarnation;
            if h >= self.config.holders {
                holder.life = Life::Dead;
            } else if !(self.config.fresh && h + 1 == self.config.holders) {
                holder.met = true;
                holder.known = Some(self.remembered(&record));
            }
        }
        let mut families = [Family::default(); 5];
        families[1].alive = true;
        State {
            record,
            incarnation,
            up: true,
            turn: Id::from(self.config.storage == Storage::File),
            history: [None; 4],
            zombie: None,
            holders,
            requests: [None; 3],
            families,
            logins: 1,
            left: self.config.budget,
            excused: false,
            broken: None,
        }
    }

    /// What a holder keeps of an entry: what it needs to write it back.
    pub(crate) fn remembered(&self, record: &Record) -> Record {
        let record = Record { op: 0, claim: None, doubt: None, ..*record };
        if self.config.budget.failovers > 0 { record } else { Record { home: 0, set: 0, ..record } }
    }

    pub(crate) fn facts(&self, state: &State, h: usize) -> Facts {
        let holder = &state.holders[h];
        let mut facts = match self.config.storage {
            Storage::File => Facts::at(bridge::CLOCK, bridge::at(0), true),
            Storage::Sql => Facts::at(bridge::CLOCK, bridge::at(0), !holder.drift),
            Storage::Timeless => Facts::none(),
        };
        facts.incarnation = bridge::incarnation(state.incarnation);
        facts.lock = bridge::lock(holder.lock).filter(|_| holder.lock == state.turn);
        facts
    }

    pub(crate) fn now(&self, state: &State, h: usize) -> Now {
        Now::new(bridge::at(0), bridge::at(state.holders[h].wall))
    }

    /// An id of this kind that nothing in the state has.
    pub(crate) fn fresh(&self, state: &State, kind: Names) -> Id {
        crate::canonical::unused(self, state, kind)
    }

    pub(crate) fn reaches(&self, state: &State, h: usize) -> bool {
        state.up && !state.holders[h].cut
    }

    /// Whether this holder does something before time passes.
    fn is_urgent(&self, state: &State, h: usize) -> bool {
        let holder = &state.holders[h];
        if holder.life != Life::Awake {
            return false;
        }
        let asks = !holder.polled;
        match holder.phase {
            _ if holder.swap.is_some() => true,
            _ if holder.again != 0 => asks,
            Phase::Idle => asks && self.must_look(state, h),
            Phase::Decide | Phase::Claim | Phase::Write => asks,
            Phase::Guard | Phase::Ready => true,
            Phase::Sent => false,
        }
    }

    /// An idle session with a driver sees that the storage's incarnation has changed.
    pub(crate) fn must_look(&self, state: &State, h: usize) -> bool {
        let holder = &state.holders[h];
        holder.known.is_some() && holder.incarnation != state.incarnation && self.reaches(state, h)
    }

    pub(crate) fn steps(&self, state: &State, steps: &mut Steps) {
        steps.clear();
        self.progress(state, steps);
        self.begin(state, steps);
        self.faults(state, steps);
    }

    /// What goes on without faults and without new work.
    pub(crate) fn progress(&self, state: &State, steps: &mut Steps) {
        for h in (0..self.config.holders).filter(|h| state.holders[*h].life == Life::Awake) {
            self.holder(state, h, steps);
        }
        self.arrivals(state, steps);
        let urgent = (0..self.config.holders).any(|h| self.is_urgent(state, h));
        let due = state
            .requests
            .iter()
            .flatten()
            .any(|request| request.age >= if request.answer.is_some() { self.config.request } else { TRAVEL });
        if !urgent && !due {
            push(steps, None, "a tick passes", self.tick(state));
        }
    }
}
