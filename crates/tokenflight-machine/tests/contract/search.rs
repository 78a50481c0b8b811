//! Breadth first, so that a trace is as short as there is one.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    hash::{BuildHasherDefault, Hasher},
};

use crate::{canonical::fingerprint, laws::Law, prelude::*, world::Step};

/// Fingerprints are hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only fingerprints are hashed");
    }

    fn write_u64(&mut self, fingerprint: u64) {
        self.0 = fingerprint;
    }
}

/// Each fingerprint with the one it was first reached from.
type Reached = HashMap<u64, u64, BuildHasherDefault<AsIs>>;

/// How far to go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) states: usize,
    /// From one of so many states it is tried whether all ends once faults are over.
    pub(crate) ends_every: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Broken {
    pub(crate) law: Law,
    pub(crate) trace: Vec<String>,
}

/// What a search has found.
#[derive(Clone, Debug, Default)]
pub(crate) struct Found {
    pub(crate) states: usize,
    pub(crate) depth: usize,
    /// Fingerprints, and the widest two layers.
    pub(crate) bytes: usize,
    pub(crate) complete: bool,
    pub(crate) broken: Option<Broken>,
    /// How often a law was broken after something that no promise covers, and the first time.
    pub(crate) excused: BTreeMap<Law, usize>,
    pub(crate) first_excused: Option<Broken>,
}

/// After so many ticks without faults all must have ended.
const HORIZON: usize = 60;

impl World {
    pub(crate) fn search(&self, limits: Limits) -> Found {
        let first = self.first();
        let start = fingerprint(self, &first);
        let mut reached = Reached::default();
        reached.insert(start, start);
        let (mut layer, mut next) = (vec![(start, first)], Vec::new());
        let mut found = Found::default();
        let mut steps = Vec::new();
        let mut widest = 0;
        'search: while !layer.is_empty() {
            for (at, state) in layer.drain(..) {
                if at % limits.ends_every == 0 && !self.ends(&state) {
                    found.broken = Some(Broken { law: Law::FlightsEnd, trace: self.trace(&reached, at, None) });
                    break 'search;
                }
                self.steps(&state, &mut steps);
                for mut step in steps.drain(..) {
                    if let Some(law) = step.state.broken.take() {
                        let excused = step.state.excused && law.can_be_excused();
                        if !excused || found.first_excused.is_none() {
                            let broken = Broken { law, trace: self.trace(&reached, at, Some(&step)) };
                            if !excused {
                                found.broken = Some(broken);
                                break 'search;
                            }
                            found.first_excused = Some(broken);
                        }
                        *found.excused.entry(law).or_default() += 1;
                    }
                    let to = fingerprint(self, &step.state);
                    if let Entry::Vacant(vacant) = reached.entry(to) {
                        vacant.insert(at);
                        next.push((to, step.state));
                    }
                }
                if reached.len() >= limits.states {
                    break 'search;
                }
            }
            widest = widest.max(next.len() + layer.capacity());
            std::mem::swap(&mut layer, &mut next);
            found.depth += usize::from(!layer.is_empty());
        }
        found.complete = layer.is_empty() && next.is_empty() && found.broken.is_none();
        found.states = reached.len();
        found.bytes = reached.capacity() * 8 / 7 * 17 + widest * size_of::<(u64, State)>();
        found
    }

    /// The steps that lead to a state, and one more.
    fn trace(&self, reached: &Reached, to: u64, last: Option<&Step>) -> Vec<String> {
        let mut way = vec![to];
        while let Some(from) = reached.get(&way[way.len() - 1]).filter(|from| **from != way[way.len() - 1]) {
            way.push(*from);
        }
        let mut state = self.first();
        let mut trace = Vec::new();
        let mut steps = Vec::new();
        for at in way.iter().rev().skip(1) {
            self.steps(&state, &mut steps);
            // A state that differs in names only is as good.
            let Some(step) = steps.iter().find(|step| fingerprint(self, &step.state) == *at) else {
                trace.push("(the way is lost: two states have one fingerprint)".to_owned());
                return trace;
            };
            trace.push(told(step));
            state = step.state;
        }
        trace.extend(last.map(told));
        trace
    }

    /// Whether all that has begun ends once faults are over and all are awake.
    fn ends(&self, state: &State) -> bool {
        let mut state = *state;
        state.left = Budget { failovers: state.left.failovers, ..Default::default() };
        for holder in &mut state.holders {
            if holder.life == Life::Paused {
                holder.life = Life::Awake;
            }
            holder.cut = false;
        }
        state.store_is_up();
        let mut steps = Vec::new();
        let mut ticks = 0;
        while ticks < HORIZON {
            let busy = |h: &Holder| h.life == Life::Awake && (h.phase != Phase::Idle || h.again != 0);
            if !state.holders.iter().any(busy) {
                return true;
            }
            steps.clear();
            self.progress(&state, &mut steps);
            let Some(step) = steps.first() else { return false };
            ticks += usize::from(step.holder.is_none());
            state = step.state;
        }
        false
    }
}

fn told(step: &Step) -> String {
    match step.holder {
        Some(holder) => format!("P{} {}", holder + 1, step.what),
        None => step.what.to_owned(),
    }
}
