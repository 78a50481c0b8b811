//! The decision machine against a slow twin, over random lists of everything that can happen.
//!
//! `TOKENFLIGHT_SEEDS` and `PROPTEST_CASES` make it longer: the first is the number of seeds, the second the number of
//! scripts for each. The same seeds give the same scripts.

mod support;
mod twin;

use std::{
    collections::BTreeMap,
    env,
    panic::{AssertUnwindSafe, catch_unwind},
};

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner},
};
use twin::{Pair, scripts};

fn number(name: &str, otherwise: u32) -> u32 {
    env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Runs a test over all seeds and says how much was checked.
fn over_all_seeds<S>(name: &str, cases: u32, strategy: impl Fn() -> S, mut test: impl FnMut(S::Value) -> usize)
where
    S: Strategy,
{
    let (seeds, cases) = (number("TOKENFLIGHT_SEEDS", 8), number("PROPTEST_CASES", cases));
    let (mut scripts, mut steps) = (0_u64, 0_u64);
    for seed in 0..seeds {
        let config = Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(config, rng);
        let test = std::cell::RefCell::new(&mut test);
        let counted = std::cell::Cell::new((0_u64, 0_u64));
        let outcome = runner.run(&strategy(), |value| {
            let taken = catch_unwind(AssertUnwindSafe(|| (test.borrow_mut())(value))).map_err(|panic| {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                TestCaseError::fail(text.unwrap_or_else(|| "a panic without words".to_owned()))
            })?;
            let (scripts, steps) = counted.get();
            counted.set((scripts + 1, steps + taken as u64));
            Ok(())
        });
        if let Err(failure) = outcome {
            panic!("seed {seed}: {failure}");
        }
        let (more_scripts, more_steps) = counted.get();
        (scripts, steps) = (scripts + more_scripts, steps + more_steps);
    }
    println!("{name}: {seeds} seeds, {scripts} scripts, {steps} steps checked");
}

#[test]
fn the_machine_answers_like_its_twin_and_keeps_every_law() {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    over_all_seeds(
        "machine and twin",
        1000,
        || scripts(60),
        |(policy, script)| {
            let mut pair = Pair::new(policy);
            for step in &script {
                pair.step(step);
            }
            for (what, count) in pair.seen {
                *seen.entry(what).or_default() += count;
            }
            script.len()
        },
    );
    println!("seen: {seen:#?}");
}
