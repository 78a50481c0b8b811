//! The whole system, simulated: many users of one session, an authorization server that ends the session when a refresh
//! token comes twice, a store with weather, clocks that jump, and chance that decides who is next.
//!
//! One thread, manual time, everything drawn from one seed: a seed that fails fails again. `TOKENFLIGHT_SEED=n` runs one
//! seed and tells what it met, `TOKENFLIGHT_SEEDS=n` runs that many.
#![cfg(not(shuttle))]

mod executor;
mod judge;
mod people;
mod profile;
mod store;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use world::{Summary, World};

/// Seeds of a normal run.
const SEEDS: u64 = 12_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs one seed; what was wrong.
fn run(seed: u64, aloud: bool) -> Result<Summary, String> {
    let result = catch_unwind(AssertUnwindSafe(|| World::new(seed).run(aloud)));
    match result {
        Ok(Ok(summary)) => Ok(summary),
        Ok(Err(wrong)) => Err(wrong.join("\n  ")),
        Err(_) => Err("a panic".to_owned()),
    }
}

fn report(seed: u64, wrong: &str) -> String {
    let profile = World::new(seed).profile;
    format!(
        "seed {seed} failed:\n  {wrong}\n  replay with: TOKENFLIGHT_SEED={seed} cargo test -p tokenflight --test simulation\n  {profile:?}"
    )
}

#[test]
fn no_session_is_lost_and_nothing_is_presented_twice() {
    if let Some(seed) = number("TOKENFLIGHT_SEED") {
        match run(seed, true) {
            Ok(summary) => println!("seed {seed}: {summary:?}"),
            Err(wrong) => panic!("{}", report(seed, &wrong)),
        }
        return;
    }
    let seeds = number("TOKENFLIGHT_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        let (mut total, mut failed) = (Summary::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= seeds || failed.len() >= 3 {
                return (total, failed);
            }
            match run(seed, false) {
                Ok(summary) => total.add(&summary),
                Err(wrong) => failed.push(report(seed, &wrong)),
            }
        }
    };
    let parts: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().expect("a worker reports and does not panic")).collect()
    });
    let mut total = Summary::default();
    let mut failed = Vec::new();
    for (part, failures) in parts {
        total.add(&part);
        failed.extend(failures);
    }
    println!("{seeds} seeds: {total}");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    // A simulation in which nothing happens proves nothing.
    assert!(seeds < 1_000 || (total.submissions > seeds && total.replays > 0 && total.tokens > seeds), "{total}");
}

/// a seed that cannot be replayed is worth nothing.
#[test]
fn a_seed_replays_exactly() {
    for seed in 0..50 {
        let once = run(seed, false).map(|summary| summary.print);
        assert_eq!(once, run(seed, false).map(|summary| summary.print), "seed {seed}");
    }
}
