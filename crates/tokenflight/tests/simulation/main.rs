//! The whole system, simulated: many users of one session, an authorization server that ends the
//! session when a refresh token comes twice, a store with weather, clocks that jump, and chance
//! that decides who is next.
//!
//! One thread, manual time, everything drawn from one seed: a seed that fails fails again.
//! `TOKENFLIGHT_SEED=n` runs one seed and tells what it met (`TOKENFLIGHT_WITHOUT=Commit` leaves
//! one trouble out), `TOKENFLIGHT_SEEDS=n` runs that many.
//!
//! Each seed is run again without one of the troubles it met, and without each of those that are
//! rare or seldom noticed: the table at the end says how often each trouble happened, and how often
//! callers and listeners noticed that it did not.
#![cfg(not(shuttle))]

mod ending;
mod events;
mod executor;
mod fixture;
mod grant;
mod judge;
mod knobs;
mod people;
mod prelude;
mod profile;
mod runtimes;
mod store;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    thread,
};

use fixture::{Fixture, Summary};
use knobs::{Knob, Tally};

use crate::prelude::*;

/// Seeds of a normal run.
const SEEDS: u64 = 6_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs one seed, without one of its troubles; what was wrong.
fn run(seed: u64, without: Option<Knob>, aloud: bool) -> Result<Summary, String> {
    let result = catch_unwind(AssertUnwindSafe(|| Fixture::new(seed, without).run(aloud)));
    match result {
        Ok(Ok(summary)) => Ok(summary),
        Ok(Err(wrong)) => Err(wrong.join("\n  ")),
        Err(_) => Err("a panic".to_owned()),
    }
}

fn report(seed: u64, without: Option<Knob>, wrong: &str) -> String {
    let profile = Fixture::new(seed, None).profile;
    format!(
        "seed {seed} failed (without: {without:?}):\n  {wrong}\n  replay with: TOKENFLIGHT_SEED={seed} cargo test -p \
         tokenflight --test simulation\n  {profile:?}"
    )
}

/// What many seeds came to.
#[derive(Default)]
struct Total {
    summary: Summary,
    tally: Tally,
    failed: Vec<String>,
}

impl Total {
    fn add(&mut self, other: Self) {
        self.summary.add(&other.summary);
        self.tally.add(&other.tally);
        self.failed.extend(other.failed);
    }

    /// One seed, and the same once more without one of the troubles it met, each in its turn, and
    /// without those of which there are few: does it come to the same?
    fn play(&mut self, seed: u64) {
        let whole = match run(seed, None, false) {
            Ok(summary) => summary,
            Err(wrong) => return self.failed.push(report(seed, None, &wrong)),
        };
        self.summary.add(&whole);
        self.tally.count(&whole.fired);
        let met = Knob::ALL.iter().zip(&whole.fired).filter(|(_, fired)| **fired > 0).map(|(knob, _)| *knob);
        let met: Vec<Knob> = met.collect();
        let turn = seed.checked_rem(met.len() as u64);
        let left_out = |at: usize, knob: Knob| turn == Some(at as u64) || Knob::RARE.contains(&knob);
        for knob in met.iter().enumerate().filter(|(at, knob)| left_out(*at, **knob)).map(|(_, knob)| *knob) {
            match run(seed, Some(knob), false) {
                Ok(less) => self.tally.left_out(knob, less.outcome != whole.outcome),
                Err(wrong) => self.failed.push(report(seed, Some(knob), &wrong)),
            }
        }
    }
}

#[test]
fn no_session_is_lost_and_nothing_is_presented_twice() {
    if let Some(seed) = number("TOKENFLIGHT_SEED") {
        let without = std::env::var("TOKENFLIGHT_WITHOUT").ok();
        let without = without.and_then(|name| Knob::ALL.iter().find(|knob| format!("{knob:?}") == name).copied());
        match run(seed, without, true) {
            Ok(summary) => println!("seed {seed}: {summary}"),
            Err(wrong) => panic!("{}", report(seed, without, &wrong)),
        }
        return;
    }
    let seeds = number("TOKENFLIGHT_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(number("TOKENFLIGHT_FIRST_SEED").unwrap_or(0));
    let end = next.load(Ordering::SeqCst) + seeds;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let mut total = Total::default();
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= end || total.failed.len() >= 3 {
                return total;
            }
            total.play(seed);
        }
    };
    let mut total = Total::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            total.add(worker.join().expect("a worker reports and does not panic"));
        }
    });
    let Total { summary, tally, failed } = total;
    println!("{seeds} seeds: {summary}\n{tally}");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    // A simulation in which nothing happens proves nothing.
    let idle = tally.idle(seeds / 100);
    assert!(seeds < 5_000 || idle.is_empty(), "these happen or matter in less than one seed of a hundred: {idle:?}");
    assert!(
        seeds < 1_000 || (summary.submissions > seeds && summary.replays > 0 && summary.tokens > seeds),
        "{summary}"
    );
}

/// A seed that cannot be replayed is worth nothing.
#[test]
fn a_seed_replays_exactly() {
    for seed in 0..50 {
        let once = run(seed, None, false).map(|summary| (summary.print, summary.outcome));
        assert_eq!(once, run(seed, None, false).map(|summary| (summary.print, summary.outcome)), "seed {seed}");
    }
}
