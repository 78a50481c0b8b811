//! New work, the authorization server, time, and everything that can go wrong.

use crate::prelude::*;

impl Fixture {
    /// Flights, logins and logouts begin.
    pub(crate) fn begin(&self, state: &State, steps: &mut Steps) {
        for h in 0..self.config.holders {
            let holder = &state.holders[h];
            if holder.life != Life::Awake || holder.phase != Phase::Idle || holder.again != 0 {
                continue;
            }
            if state.left.flights > 0 && !(self.config.late && state.left.failovers > 0) {
                let mut next = *state;
                next.left.flights -= 1;
                (next.holders[h].phase, next.holders[h].polled) = (Phase::Decide, false);
                push(steps, h, "begins a refresh", next);
            }
            if state.left.resets > 0 {
                push(steps, h, "begins a logout", self.begin_reset(state, h, Kind::Logout));
                push(steps, h, "begins a login", self.begin_reset(state, h, Kind::Login));
            }
            // What an idle session has seen matters if it can be lost.
            if state.left.failovers > 0
                && self.reaches(state, h)
                && holder.known != Some(self.remembered(&state.record))
            {
                push(steps, h, "loads, idle", self.look(state, h));
            }
        }
    }

    fn begin_reset(&self, state: &State, h: usize, kind: Kind) -> State {
        let mut state = *state;
        state.left.resets -= 1;
        self.start_write(&mut state, h, kind);
        if kind == Kind::Login {
            state.logins += 1;
            let family = state.logins;
            state.families[usize::from(family)] = Family { alive: true, ..Family::default() };
            let next = Tokens { family, refresh: 0, access: 0, usable: self.config.lifetime() };
            state.holders[h].write = Write { next, ..state.holders[h].write };
        }
        state
    }

    /// Requests reach the authorization server, and answers come back.
    pub(crate) fn arrivals(&self, state: &State, steps: &mut Steps) {
        for (i, request) in state.requests.iter().enumerate() {
            let Some(request) = request else { continue };
            let h = usize::from(request.holder);
            let mut next = *state;
            next.requests[i] = None;
            let answer = match request.answer {
                Some(answer) => answer,
                None => self.judge(&mut next, request),
            };
            if self.waits(&next, request) && request.answer.is_none() && self.config.request > TRAVEL {
                next.requests[i] = Some(Request { answer: Some(answer), ..*request });
                push(steps, h, "is judged by the server", next);
                continue;
            }
            if self.waits(&next, request) {
                self.heard(&mut next, h, answer);
            }
            push(steps, h, "is answered by the server", next);
        }
    }

    fn waits(&self, state: &State, request: &Request) -> bool {
        let holder = &state.holders[usize::from(request.holder)];
        holder.life != Life::Dead && holder.phase == Phase::Sent && holder.attempt.owner == request.owner
    }

    fn heard(&self, state: &mut State, h: usize, answer: Answer) {
        match answer {
            Answer::Granted(next) => {
                self.start_write(state, h, Kind::Commit);
                state.holders[h].write.next = next;
            }
            Answer::Refused => self.start_write(state, h, Kind::End),
        }
    }

    /// The server judges.
    fn judge(&self, state: &mut State, request: &Request) -> Answer {
        let tokens = request.tokens;
        let at = usize::from(tokens.family);
        let family = state.families[at];
        let current = tokens.refresh == family.current;
        let spent = family.spent[usize::from(tokens.refresh)];
        let stored = state
            .record
            .tokens()
            .is_some_and(|stored| stored.family == tokens.family && stored.refresh > tokens.refresh);
        let graced = match self.config.server {
            Server::Grace(window) => spent <= window,
            // What is stored is used at once.
            Server::UntilUsed => !stored && tokens.refresh + 1 == family.current,
            Server::Strict | Server::Same | Server::NoFamilies => false,
        };
        if !family.alive {
            return Answer::Refused;
        }
        if !current && !graced {
            self.check_reuse(state, &tokens, request.usable, request.holder);
            state.families[at].alive = self.config.server == Server::NoFamilies;
            return Answer::Refused;
        }
        let family = &mut state.families[at];
        family.answers += 1;
        if current && self.config.server != Server::Same {
            family.current += 1;
        }
        let usable = self.config.lifetime();
        // A graced presentation is answered with the same successor.
        let refresh = family.current.min(tokens.refresh + 1);
        Answer::Granted(Tokens { family: tokens.family, refresh, access: family.answers, usable })
    }

    pub(crate) fn faults(&self, state: &State, steps: &mut Steps) {
        for h in (0..self.config.holders).filter(|h| state.holders[*h].life != Life::Dead) {
            self.holder_faults(state, h, steps);
            self.swap_faults(state, h, steps);
        }
        self.answer_faults(state, steps);
        self.storage_faults(state, steps);
    }

    fn holder_faults(&self, state: &State, h: usize, steps: &mut Steps) {
        let holder = &state.holders[h];
        let left = &state.left;
        let mut fault = |what, change: &dyn Fn(&mut State)| {
            let mut next = *state;
            change(&mut next);
            push(steps, h, what, next);
        };
        let busy = holder.phase != Phase::Idle || holder.again != 0;
        if left.crashes > 0 && (busy || self.config.budget.failovers > 0) {
            fault("dies", &|next| {
                next.left.crashes -= 1;
                next.holders[h] = Holder { life: Life::Dead, ..Default::default() };
            });
        }
        match holder.life {
            Life::Paused => fault("goes on", &|next| next.holders[h].life = Life::Awake),
            Life::Awake if left.pauses > 0 && busy => fault("is paused", &|next| {
                next.left.pauses -= 1;
                next.holders[h].life = Life::Paused;
            }),
            _ => {}
        }
        if holder.cut {
            fault("reaches the store again", &|next| {
                (next.holders[h].cut, next.holders[h].polled) = (false, false);
            });
        } else if left.cuts > 0 {
            fault("is cut off from the store", &|next| {
                next.left.cuts -= 1;
                next.holders[h].cut = true;
            });
        }
        if left.walls > 0 {
            for jump in [JUMP, -JUMP] {
                fault("has its wall clock moved", &|next| {
                    next.left.walls -= 1;
                    next.holders[h].wall = jump;
                });
            }
        }
        if left.refused > 0 && holder.phase == Phase::Ready && holder.life == Life::Awake {
            fault("cannot connect to the server", &|next| {
                next.left.refused -= 1;
                self.start_write(next, h, Kind::Untouched);
            });
        }
    }

    /// The store's answer to a swap is lost: it was done, it was not, it will be.
    fn swap_faults(&self, state: &State, h: usize, steps: &mut Steps) {
        let Some(swap) = state.holders[h].swap else { return };
        if state.holders[h].life != Life::Awake || !self.reaches(state, h) {
            return;
        }
        let mut cut = *state;
        cut.holders[h].swap = None;
        if state.left.lost > 0 {
            let mut next = cut;
            next.left.lost -= 1;
            self.outcome_unknown(&mut next, h, swap.computed_on);
            push(steps, h, "swaps; it is not done, and the answer is lost", next);
            if self.fits(state, &swap) {
                let mut next = cut;
                next.left.lost -= 1;
                self.land(&mut next, &swap.new);
                self.outcome_unknown(&mut next, h, swap.computed_on);
                push(steps, h, "swaps; it is done, and the answer is lost", next);
            }
        }
        if state.left.zombies > 0 && self.fits(state, &swap) {
            let mut next = cut;
            next.left.zombies -= 1;
            next.zombie = Some(swap);
            self.outcome_unknown(&mut next, h, swap.computed_on);
            push(steps, h, "swaps; it is delayed, and given up by the connection", next);
        }
    }

    /// The server's answer is lost, before or after the request arrived.
    fn answer_faults(&self, state: &State, steps: &mut Steps) {
        if state.left.answers == 0 {
            return;
        }
        for (i, request) in state.requests.iter().enumerate() {
            let Some(request) = *request else { continue };
            let h = usize::from(request.holder);
            if !self.waits(state, &request) || state.holders[h].life != Life::Awake {
                continue;
            }
            let mut cut = *state;
            cut.left.answers -= 1;
            let mut next = cut;
            next.requests[i] = None;
            if request.answer.is_none() {
                self.judge(&mut next, &request);
            }
            self.start_write(&mut next, h, Kind::Ambiguous);
            push(steps, h, "is answered by the server, and the answer is lost", next);
            if request.answer.is_some() {
                continue;
            }
            let mut next = cut;
            next.requests[i] = None;
            self.start_write(&mut next, h, Kind::Ambiguous);
            push(steps, h, "loses its connection, and its request with it", next);
            let mut next = cut;
            next.requests[i] = Some(Request { owner: 0, ..request });
            self.start_write(&mut next, h, Kind::Ambiguous);
            push(steps, h, "loses its connection; the request goes on", next);
        }
    }

    fn storage_faults(&self, state: &State, steps: &mut Steps) {
        let mut fault = |what, change: &dyn Fn(&mut State)| {
            let mut next = *state;
            change(&mut next);
            push(steps, None, what, next);
        };
        if let Some(zombie) = state.zombie.filter(|zombie| self.fits(state, zombie)) {
            fault("a delayed swap takes effect", &|next| {
                next.zombie = None;
                self.land(next, &zombie.new);
            });
        }
        if !state.up {
            fault("the store is up", &|next| next.store_is_up());
        } else if state.left.outages > 0 {
            fault("the store is down", &|next| {
                next.left.outages -= 1;
                next.up = false;
            });
        }
        if state.left.turns > 0 {
            fault("the turn's file is replaced", &|next| {
                next.left.turns -= 1;
                next.turn = 2;
            });
        }
        if state.left.jumps > 0 {
            fault("the store's clock jumps ahead", &|next| self.jump(next, JUMP));
            fault("the store's clock jumps back", &|next| self.jump(next, -JUMP));
        }
        for back in 0..LOST {
            let Some(record) = state.history[back].filter(|_| state.left.failovers > 0) else { continue };
            fault("failover: the latest writes are lost", &|next| {
                next.left.failovers -= 1;
                next.history = [None; LOST];
                (next.record, next.incarnation) = (record, next.incarnation + 1);
                for holder in &mut next.holders {
                    // What is lost may take effect once more.
                    holder.write.landed &= holder.write.id == record.login;
                    holder.polled = false;
                }
            });
        }
    }

    fn jump(&self, state: &mut State, by: i8) {
        state.left.jumps -= 1;
        let holders = &mut state.holders[..self.config.holders];
        for holder in &mut *holders {
            holder.drift |= holder.met;
        }
        let trusts = |holder: &Holder| holder.life != Life::Dead && !holder.met;
        state.excused |= holders.iter().any(trusts);
        state.shift(-by, self.past());
    }
}

impl State {
    /// All who wait ask at once.
    pub(crate) fn store_is_up(&mut self) {
        self.up = true;
        for holder in &mut self.holders {
            holder.polled = holder.rest > 0;
        }
    }
}
