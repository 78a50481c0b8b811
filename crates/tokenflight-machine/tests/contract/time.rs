//! A tick. What is further away than anything can tell is kept at the last distance that matters.

use crate::prelude::*;

/// How long ago a moment can be and still matter: an end, a beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Past {
    until: i8,
    since: i8,
}

impl Tokens {
    fn tick(&mut self) {
        self.usable = self.usable.saturating_sub(1);
    }
}

impl Record {
    /// Time passes.
    fn tick(&mut self, past: Past) {
        self.shift(-1, past);
        self.age();
    }

    /// The access token gets older.
    fn age(&mut self) {
        match &mut self.session {
            Session::Active(tokens) | Session::Ended(tokens) => tokens.tick(),
            Session::LoggedOut => {}
        }
    }

    /// The clock of the storage moves on or back.
    fn shift(&mut self, by: i8, past: Past) {
        if let Some(claim) = &mut self.claim
            && let Some(since) = &mut claim.since
        {
            *since = (*since + by).max(-past.since);
            claim.until = (claim.until + by).max(-past.until);
        }
        if let Some(Some(since)) = &mut self.doubt {
            *since = (*since + by).max(-past.since);
        }
    }
}

impl State {
    fn stored(&mut self) -> impl Iterator<Item = &mut Record> {
        let swaps = self.holders.iter_mut().filter_map(|holder| holder.swap.as_mut()).chain(self.zombie.as_mut());
        let history = self.history.iter_mut().flatten();
        std::iter::once(&mut self.record).chain(swaps.map(|swap| &mut swap.new)).chain(history)
    }

    pub(crate) fn shift(&mut self, by: i8, past: Past) {
        self.stored().for_each(|record| record.shift(by, past));
    }
}

impl Fixture {
    pub(crate) fn past(&self) -> Past {
        let jump = if self.config.budget.jumps + self.config.budget.walls > 0 { JUMP } else { 0 };
        let since = match self.config.server {
            Server::Grace(window) => window as i8 + 1 + jump,
            _ => 0,
        };
        Past { until: jump, since }
    }

    pub(crate) fn tick(&self, state: &State) -> State {
        let mut state = *state;
        let past = self.past();
        state.stored().for_each(|record| record.tick(past));
        for request in state.requests.iter_mut().flatten() {
            request.age += 1;
            request.tokens.tick();
            if let Some(Answer::Granted(tokens)) = &mut request.answer {
                tokens.tick();
            }
        }
        let window = match self.config.server {
            Server::Grace(window) => window + 1,
            _ => 0,
        };
        for family in &mut state.families {
            for spent in &mut family.spent[..usize::from(family.current)] {
                *spent = (*spent + 1).min(window);
            }
        }
        let mut excused = state.excused;
        let up = state.up;
        for holder in &mut state.holders[..self.config.holders] {
            self.tick_holder(holder, window);
            if let Some(watch) = holder.watch.as_mut().filter(|_| !up && holder.life == Life::Awake) {
                // Who waits asks more often than once in a tick.
                watch.broken = true;
            }
            excused |= self.is_beyond_help(holder);
        }
        state.excused = excused;
        state
    }

    fn tick_holder(&self, holder: &mut Holder, window: u8) {
        let longest = self.config.claim + 1;
        let attempt = &mut holder.attempt;
        if *attempt != Attempt::default() {
            attempt.age = (attempt.age + 1).min(longest);
            attempt.tokens.tick();
        }
        if let Some(Some(age)) = &mut attempt.doubt {
            *age = (*age + 1).min(window);
        }
        holder.write.next.tick();
        if let Some(tried) = &mut holder.write.tried {
            tried.tick();
        }
        for tokens in [&mut holder.write.replaced].into_iter().flatten() {
            tokens.tick();
        }
        if let Some(swap) = &mut holder.swap {
            for tokens in [&mut swap.replaced, &mut swap.computed_on].into_iter().flatten() {
                tokens.tick();
            }
        }
        if let Some(known) = &mut holder.known {
            known.age();
        }
        if let Some(watch) = &mut holder.watch {
            (watch.since, watch.last) = ((watch.since + 1).min(longest), (watch.last + 1).min(self.rules.gap() + 1));
        }
        holder.rest = holder.rest.saturating_sub(1);
        holder.polled = holder.rest > 0;
    }

    /// A pause between the last look and the first byte, and a pause or cut that outlasts the claim
    /// of a request that was sent: against these there is no promise.
    fn is_beyond_help(&self, holder: &Holder) -> bool {
        let paused = holder.life == Life::Paused;
        let sent =
            holder.phase == Phase::Sent || (holder.phase == Phase::Write && holder.write.kind != Kind::Untouched);
        let outlasts = sent && holder.attempt.owner != 0 && holder.attempt.age >= self.config.claim;
        (paused && holder.phase == Phase::Ready) || ((paused || holder.cut) && outlasts)
    }
}
