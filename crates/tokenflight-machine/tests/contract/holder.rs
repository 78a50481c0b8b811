//! What a holder does by itself: load, decide, claim, look again, send.

use crate::{prelude::*, rules::Try};

impl Holder {
    /// The flight, login or logout is over.
    pub(crate) fn finish(&mut self) {
        self.phase = Phase::Idle;
        self.attempt = Attempt::default();
        self.write = Write::default();
        (self.lock, self.polled, self.rest, self.erred) = (0, false, 0, false);
    }

    /// The claim was not granted: decide anew.
    pub(crate) fn abandon(&mut self) {
        self.phase = Phase::Decide;
        self.attempt = Attempt::default();
        (self.lock, self.erred) = (0, false);
    }
}

impl World {
    /// The one thing that a holder does next, without a fault.
    pub(crate) fn holder(&self, state: &State, h: usize, steps: &mut Steps) {
        let holder = &state.holders[h];
        if holder.swap.is_some() {
            return push(steps, h, "swaps", self.swap(state, h));
        }
        let asks = !holder.polled;
        match holder.phase {
            _ if holder.again != 0 => {
                if asks {
                    push(steps, h, "reads, to write back what was lost", self.try_again(state, h));
                }
            }
            Phase::Idle if asks && self.must_look(state, h) => {
                push(steps, h, "sees that the storage has changed", self.look(state, h));
            }
            Phase::Decide if asks => push(steps, h, "loads and decides", self.decide(state, h)),
            Phase::Claim if asks => push(steps, h, "reads, to claim", self.try_claim(state, h)),
            Phase::Guard => push(steps, h, "looks at its claim once more", self.guard(state, h)),
            Phase::Ready => push(steps, h, "sends", self.send(state, h)),
            Phase::Write if asks => push(steps, h, writing(holder.write.kind), self.try_write(state, h)),
            Phase::Idle | Phase::Decide | Phase::Claim | Phase::Sent | Phase::Write => {}
        }
    }

    /// Asks the store. False if it does not answer.
    pub(crate) fn read(&self, state: &mut State, h: usize) -> bool {
        let reaches = self.reaches(state, h);
        let holder = &mut state.holders[h];
        if reaches {
            holder.met = true;
        } else {
            holder.polled = true;
            if let Some(watch) = &mut holder.watch {
                watch.broken = true;
            }
        }
        reaches
    }

    /// Remembers what was read.
    pub(crate) fn adopt(&self, state: &mut State, h: usize) {
        let record = state.record;
        let holder = &mut state.holders[h];
        holder.known = Some(self.remembered(&record));
        holder.incarnation = state.incarnation;
    }

    /// Whether what this holder knows was lost; then it writes that back first.
    pub(crate) fn must_write_back(&self, state: &mut State, h: usize) -> bool {
        if self.config.budget.failovers == 0 {
            return false;
        }
        let facts = self.facts(state, h);
        let known = state.holders[h].known;
        let lost = known.is_some_and(|known| self.rules.is_lost(&known, &state.record, &facts));
        if lost {
            state.holders[h].again = self.fresh(state, Names::Op);
        }
        lost
    }

    /// An idle session loads.
    pub(crate) fn look(&self, state: &State, h: usize) -> State {
        let mut state = *state;
        if self.read(&mut state, h) && !self.must_write_back(&mut state, h) {
            self.adopt(&mut state, h);
        }
        state
    }

    fn decide(&self, state: &State, h: usize) -> State {
        let mut state = *state;
        if !self.read(&mut state, h) {
            return state;
        }
        let record = state.record;
        let (watch, watched) = self.rules.watch(state.holders[h].watch, record.op, state.incarnation);
        state.holders[h].watch = Some(watch);
        if self.must_write_back(&mut state, h) {
            return state;
        }
        let before = state.holders[h].known;
        self.adopt(&mut state, h);
        let facts = self.facts(&state, h);
        let unsent = state.holders[h].unsent;
        let Session::Active(tokens) = record.session else {
            state.holders[h].finish();
            return state;
        };
        let newer = before.is_some_and(|before| record.order() > before.order());
        if newer && tokens.usable > 0 {
            state.holders[h].finish();
            return state;
        }
        if !self.rules.presents(&record, &facts, unsent, self.now(&state, h)) {
            // In doubt: the access token serves. While another holder may report, it is waited for.
            let reports = record.claim.is_some_and(|claim| claim.owner != unsent) && watched < self.config.claim;
            match reports {
                true => state.holders[h].polled = true,
                false => state.holders[h].finish(),
            }
            return state;
        }
        if self.config.storage == Storage::File {
            let turn = state.turn;
            let taken = |holder: &Holder| holder.life != Life::Dead && holder.lock == turn;
            if state.holders.iter().any(taken) {
                state.holders[h].polled = true;
                return state;
            }
            state.holders[h].lock = turn;
        }
        let attempt = Attempt {
            owner: self.fresh(&state, Names::Owner),
            op: self.fresh(&state, Names::Op),
            seen: record.op,
            born: state.incarnation,
            yields: unsent,
            watched,
            ..Attempt::default()
        };
        let holder = &mut state.holders[h];
        (holder.attempt, holder.phase) = (attempt, Phase::Claim);
        state
    }

    fn try_claim(&self, state: &State, h: usize) -> State {
        let mut state = *state;
        if !self.read(&mut state, h) {
            let holder = &mut state.holders[h];
            if self.rules.lets_go(StoreErrorKind::NotDone, holder.attempt.unknown) {
                holder.abandon();
            }
            return state;
        }
        let record = state.record;
        let (watch, watched) = self.rules.watch(state.holders[h].watch, record.op, state.incarnation);
        let holder = &mut state.holders[h];
        holder.watch = Some(watch);
        holder.attempt.watched = watched;
        if self.rules.lacks(Mutant::GuardFromLastTry) {
            holder.attempt.age = 0;
        }
        let attempt = holder.attempt;
        let body = Body::Claim {
            owner: self.rules.owner(attempt.owner),
            seen: bridge::op_id(attempt.seen),
            length: ticks(self.config.claim),
            yields: bridge::owner(attempt.yields),
            holder: Box::default(),
        };
        let mut op = Op::new(bridge::incarnation(attempt.born), self.now(&state, h), body).watched(ticks(watched));
        op.id = bridge::op_id(attempt.op);
        let tries = self.tries(&state, h, attempt.unknown);
        let facts = self.facts(&state, h);
        match self.rules.apply(&record, op, facts, tries) {
            (Some(new), told) => self.prepare(&mut state, h, new, told),
            (None, told) => self.claim_told(&mut state, h, told, &record),
        }
        state
    }

    pub(crate) fn tries(&self, state: &State, h: usize, again: bool) -> Try {
        let holder = &state.holders[h];
        Try { again, after_error: holder.erred, owner: holder.attempt.owner }
    }

    /// A write was computed.
    pub(crate) fn prepare(&self, state: &mut State, h: usize, new: Record, told: Told) {
        let replaced = match told {
            Told::Stored(replaced) => replaced,
            _ => None,
        };
        state.holders[h].swap = Some(Swap {
            expected: state.record.op,
            incarnation: state.incarnation,
            new,
            granted: told == Told::Granted,
            replaced,
            computed_on: state.record.tokens().copied(),
        });
    }

    pub(crate) fn claim_told(&self, state: &mut State, h: usize, told: Told, record: &Record) {
        let holder = &mut state.holders[h];
        match told {
            Told::Granted => self.granted(state, h, record),
            // A try whose outcome is unknown may have been granted: only its own answer settles it.
            Told::Busy if holder.attempt.unknown => holder.polled = true,
            Told::Busy => {
                holder.abandon();
                holder.polled = true;
            }
            _ => holder.abandon(),
        }
    }

    pub(crate) fn granted(&self, state: &mut State, h: usize, record: &Record) {
        if self.config.budget.failovers > 0 {
            self.check_granted(state, record);
        }
        let told = self.rules.reading(&self.facts(state, h), self.now(state, h)).is_some();
        let known = self.remembered(record);
        let incarnation = state.incarnation;
        let holder = &mut state.holders[h];
        let Some(tokens) = record.tokens() else { return holder.abandon() };
        let age = |since: i8| u8::try_from(-since).unwrap_or(0);
        holder.attempt = Attempt {
            owner: holder.attempt.owner,
            age: holder.attempt.age,
            epoch: record.epoch,
            login: record.login,
            over: record.set,
            tokens: *tokens,
            // A clock that has jumped does not tell how old it is.
            doubt: record.doubt.map(|since| since.filter(|_| told).map(age)),
            ..Attempt::default()
        };
        (holder.known, holder.incarnation) = (Some(known), incarnation);
        (holder.unsent, holder.erred, holder.phase) = (0, false, Phase::Guard);
        if self.config.budget.pauses == 0 {
            // Nothing can come between.
            *state = self.guard(state, h);
        }
    }

    fn guard(&self, state: &State, h: usize) -> State {
        let mut state = *state;
        let attempt = state.holders[h].attempt;
        let locked = self.config.storage != Storage::File || state.holders[h].lock == state.turn;
        if locked && self.rules.guards(&attempt) {
            let holder = &mut state.holders[h];
            (holder.phase, holder.attempt.doubt) = (Phase::Ready, None);
        } else {
            self.start_write(&mut state, h, Kind::Untouched);
        }
        state
    }

    fn send(&self, state: &State, h: usize) -> State {
        let mut state = *state;
        self.check_send(&mut state, h);
        let attempt = state.holders[h].attempt;
        let (tokens, owner) = (attempt.tokens, attempt.owner);
        let request = Request { holder: h as u8, owner, tokens, age: 0, usable: tokens.usable > 0, answer: None };
        if let Some(free) = state.requests.iter_mut().find(|request| request.is_none()) {
            *free = Some(request);
        }
        state.holders[h].phase = Phase::Sent;
        state
    }

    /// There is something to write about this attempt.
    pub(crate) fn start_write(&self, state: &mut State, h: usize, kind: Kind) {
        let id = self.fresh(state, Names::Op);
        let holder = &mut state.holders[h];
        holder.write = Write { kind, id, ..Write::default() };
        (holder.phase, holder.polled) = (Phase::Write, false);
    }
}

const fn writing(kind: Kind) -> &'static str {
    match kind {
        Kind::None => "reads",
        Kind::Commit => "reads, to commit",
        Kind::End => "reads, to note the end",
        Kind::Untouched => "reads, to settle: untouched",
        Kind::Ambiguous => "reads, to settle: ambiguous",
        Kind::Login => "reads, to log in",
        Kind::Logout => "reads, to log out",
    }
}
