//! One name for all states that differ only in names: ids are numbered in the order in which they
//! appear, and holders, who are all alike, are put in an order. The fingerprint is of that.

use crate::{prelude::*, state::HOLDERS};

/// What an id names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Names {
    Op,
    Owner,
    Incarnation,
    Lock,
}

const IDS: usize = 64;

struct Writer {
    bytes: [u8; 768],
    len: usize,
    names: [[u8; IDS]; 4],
    next: [u8; 4],
}

impl Writer {
    const fn new() -> Self {
        Self { bytes: [0; 768], len: 0, names: [[0; IDS]; 4], next: [0; 4] }
    }

    fn put(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    fn signed(&mut self, number: i8) {
        self.put(number.cast_unsigned());
    }

    fn flags(&mut self, flags: &[bool]) {
        self.put(flags.iter().fold(0, |byte, flag| byte << 1 | u8::from(*flag)));
    }

    fn id(&mut self, kind: Names, id: Id) {
        if id == 0 {
            return self.put(0);
        }
        let kind = kind as usize;
        let name = &mut self.names[kind][usize::from(id)];
        if *name == 0 {
            self.next[kind] += 1;
            *name = self.next[kind];
        }
        let name = *name;
        self.put(name);
    }

    fn tokens(&mut self, tokens: &Tokens) {
        self.put(tokens.family << 4 | tokens.refresh);
        self.put(tokens.access);
        self.put(tokens.usable);
    }

    fn maybe_tokens(&mut self, tokens: Option<&Tokens>) {
        match tokens {
            Some(tokens) => self.tokens(tokens),
            None => self.put(0xFF),
        }
    }

    fn record(&mut self, record: &Record) {
        let Record { op, home, epoch, login, rotation, set, session, claim, doubt } = record;
        self.id(Names::Op, *op);
        self.id(Names::Incarnation, *home);
        self.put(*epoch);
        self.id(Names::Op, *login);
        self.put(*rotation);
        self.id(Names::Op, *set);
        match session {
            Session::Active(tokens) => self.tokens(tokens),
            Session::Ended(tokens) => {
                self.put(0xFE);
                self.tokens(tokens);
            }
            Session::LoggedOut => self.put(0xFF),
        }
        match doubt {
            None => self.put(0),
            Some(None) => self.put(1),
            Some(Some(since)) => {
                self.put(2);
                self.signed(*since);
            }
        }
        match claim {
            None => self.put(0xFF),
            Some(Claim { owner, op, since, until, length, lock, dying }) => {
                self.id(Names::Owner, *owner);
                self.id(Names::Op, *op);
                self.signed(since.unwrap_or(i8::MAX));
                self.signed(*until);
                self.put(*length);
                self.id(Names::Lock, *lock);
                self.flags(&[*dying]);
            }
        }
    }

    fn maybe_record(&mut self, record: Option<&Record>) {
        match record {
            Some(record) => self.record(record),
            None => self.put(0xFF),
        }
    }

    fn swap(&mut self, swap: Option<&Swap>) {
        let Some(Swap { expected, incarnation, new, granted, replaced, computed_on }) = swap else {
            return self.put(0xFF);
        };
        self.id(Names::Op, *expected);
        self.id(Names::Incarnation, *incarnation);
        self.record(new);
        self.flags(&[*granted]);
        self.maybe_tokens(replaced.as_ref());
        self.maybe_tokens(computed_on.as_ref());
    }

    fn attempt(&mut self, attempt: &Attempt) {
        if *attempt == Attempt::default() {
            return self.put(0xFF);
        }
        let Attempt { owner, op, seen, born, yields, watched, age, unknown, epoch, login, over, tokens, doubt } =
            attempt;
        self.id(Names::Owner, *owner);
        self.id(Names::Op, *op);
        self.id(Names::Op, *seen);
        self.id(Names::Incarnation, *born);
        self.id(Names::Owner, *yields);
        self.put(*watched);
        self.put(*age);
        self.flags(&[*unknown]);
        self.put(*epoch);
        self.id(Names::Op, *login);
        self.id(Names::Op, *over);
        self.tokens(tokens);
        self.put(doubt.map_or(0xFF, |doubt| doubt.unwrap_or(0xFE)));
    }

    fn write(&mut self, write: &Write) {
        if *write == Write::default() {
            return self.put(0xFF);
        }
        let Write { kind, id, begun, born, base, next, unknown, tried, landed, replaced, later } = write;
        self.put(*kind as u8);
        self.id(Names::Op, *id);
        self.flags(&[*begun, *unknown, *landed, born.is_some()]);
        self.id(Names::Incarnation, born.unwrap_or(0));
        self.id(Names::Op, *base);
        self.tokens(next);
        self.maybe_tokens(tried.as_ref());
        self.maybe_tokens(replaced.as_ref());
        later.iter().for_each(|id| self.id(Names::Op, *id));
    }

    fn holder(&mut self, holder: &Holder) {
        #[rustfmt::skip]
        let Holder {
            life, cut, met, drift, wall, lock, known, incarnation, unsent, watch, polled, rest,
            erred, again, phase, attempt, write, swap,
        } = holder;
        self.put((*life as u8) << 4 | *phase as u8);
        self.flags(&[*cut, *met, *drift, *polled, *erred]);
        self.signed(*wall);
        self.put(*rest);
        self.id(Names::Lock, *lock);
        self.id(Names::Incarnation, *incarnation);
        self.id(Names::Owner, *unsent);
        self.id(Names::Op, *again);
        match watch {
            None => self.put(0xFF),
            Some(watch) => {
                self.id(Names::Op, watch.op);
                self.id(Names::Incarnation, watch.incarnation);
                self.put(watch.since << 4 | watch.last << 1 | u8::from(watch.broken));
            }
        }
        self.maybe_record(known.as_ref());
        self.attempt(attempt);
        self.write(write);
        self.swap(swap.as_ref());
    }

    fn budget(&mut self, budget: &Budget) {
        #[rustfmt::skip]
        let Budget {
            flights, resets, crashes, pauses, lost, zombies, answers, refused, outages, failovers,
            jumps, walls, turns, cuts,
        } = budget;
        for (one, other) in [
            (flights, resets),
            (crashes, pauses),
            (lost, zombies),
            (answers, refused),
            (outages, failovers),
            (jumps, walls),
            (turns, cuts),
        ] {
            self.put(one << 4 | other);
        }
    }

    fn state(&mut self, fixture: &Fixture, state: &State) {
        let order = order(state, fixture.config.holders);
        self.record(&state.record);
        self.id(Names::Incarnation, state.incarnation);
        self.id(Names::Lock, state.turn);
        self.flags(&[state.up, state.excused]);
        self.budget(&state.left);
        self.swap(state.zombie.as_ref());
        for record in &state.history[..fixture.config.depth] {
            self.maybe_record(record.as_ref());
        }
        for h in &order[..fixture.config.holders] {
            self.holder(&state.holders[*h]);
        }
        let place = |h: u8| order.iter().position(|other| *other == usize::from(h)).unwrap_or(HOLDERS) as u8;
        let mut requests = state.requests;
        requests.sort_by_key(|request| request.map(|request| (place(request.holder), request.owner == 0, request.age)));
        for request in requests.iter().flatten() {
            self.put(place(request.holder) << 4 | request.age << 1 | u8::from(request.usable));
            self.id(Names::Owner, request.owner);
            self.tokens(&request.tokens);
            match &request.answer {
                None => self.put(0),
                Some(Answer::Refused) => self.put(1),
                Some(Answer::Granted(tokens)) => self.tokens(tokens),
            }
        }
        self.put(0xFF);
        for family in &state.families[1..=usize::from(state.logins)] {
            self.put(u8::from(family.alive) << 7 | family.current);
            self.put(family.answers);
            family.spent[..usize::from(family.current)].iter().for_each(|spent| self.put(*spent));
        }
    }
}

/// An order of the holders that does not depend on names. Holders that it cannot tell apart stay as
/// they are: then some states are searched twice.
fn order(state: &State, holders: usize) -> [usize; HOLDERS] {
    let key = |h: &usize| {
        let holder = &state.holders[*h];
        let known = holder.known.map_or((0, 0), |known| known.order());
        let Holder { attempt, write, .. } = holder;
        let flags = [holder.cut, holder.met, holder.drift, holder.polled, holder.lock != 0, holder.again != 0];
        (
            (holder.life as u8, holder.phase as u8, write.kind as u8, attempt.age, attempt.watched, holder.wall),
            (known, attempt.tokens.refresh, attempt.unknown, write.begun, write.unknown, holder.swap.is_some()),
            (flags, holder.unsent != 0, holder.watch.map_or(0, |watch| 1 + watch.since), write.next.family),
        )
    };
    let mut order = [0, 1, 2];
    order[..holders].sort_by_key(key);
    order
}

pub(crate) fn fingerprint(fixture: &Fixture, state: &State) -> u64 {
    let mut writer = Writer::new();
    writer.state(fixture, state);
    let (mut hash, mut other) = (0x9E37_79B9_7F4A_7C15_u64, writer.len as u64);
    for chunk in writer.bytes[..writer.len.next_multiple_of(16)].chunks_exact(16) {
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| chunk[at + i]));
        let product = u128::from(word(0) ^ hash) * u128::from(word(8) ^ 0xE703_7ED1_A0B4_28DB);
        other = other.rotate_left(23) ^ word(0).wrapping_mul(0x8EBC_6AF0_9C88_C6E3) ^ word(8);
        hash = (product as u64) ^ ((product >> 64) as u64) ^ other.wrapping_mul(0x5896_59A0_FEA1_9F63);
    }
    let product = u128::from(hash ^ 0xA076_1D64_78BD_642F) * u128::from(other | 1);
    (product as u64) ^ ((product >> 64) as u64)
}

/// An id of this kind that does not appear in the state.
pub(crate) fn unused(fixture: &Fixture, state: &State, kind: Names) -> Id {
    let mut writer = Writer::new();
    writer.state(fixture, state);
    let free = (1..IDS / 2).find(|id| writer.names[kind as usize][*id] == 0);
    free.expect("a state has few ids") as Id
}
