//! The decision machine against a slow twin, over random lists of everything that can happen.
//!
//! `PROPTEST_CASES` (the number of scripts) makes it longer; they are drawn from `TOKENFLIGHT_SEEDS` seeds in turn. The same
//! numbers give the same scripts.

mod support;
mod twin;

use std::{cell::RefCell, collections::BTreeMap};

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use support::number;
use twin::{Pair, scripts};

/// What a run has covered.
#[derive(Default)]
struct Covered {
    scripts: u64,
    steps: u64,
    seen: BTreeMap<String, u64>,
}

#[test]
fn the_machine_answers_like_its_twin_and_keeps_every_law() {
    let seeds = number("TOKENFLIGHT_SEEDS", 8).max(1);
    let cases = number("PROPTEST_CASES", 5000).div_ceil(seeds);
    let covered = RefCell::new(Covered::default());
    for seed in 0..seeds {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&seed.to_le_bytes());
        let config = Config { cases, max_shrink_iters: 20_000, ..support::cases(cases) };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        let outcome = runner.run(&scripts(60), |(policy, script)| {
            let mut pair = Pair::new(policy);
            for step in &script {
                pair.step(step);
            }
            let mut covered = covered.borrow_mut();
            covered.scripts += 1;
            covered.steps += script.len() as u64;
            for (what, count) in pair.seen {
                *covered.seen.entry(what).or_default() += count;
            }
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("seed {seed}: {failure}");
        }
    }
    let Covered { scripts, steps, seen } = covered.into_inner();
    println!("machine and twin: {seeds} seeds, {scripts} scripts, {steps} steps checked; seen: {seen:#?}");
    // A run that never gets there proves nothing about it.
    for what in [
        "refused: Futile",
        "refused: FreshRefused",
        "wait",
        "usable, but unsure",
        "landing: Stale",
        "repeated by the Server",
        "repeated by the Store",
    ] {
        assert!(seen.contains_key(what) || scripts < 1000, "never seen: {what}");
    }
}
