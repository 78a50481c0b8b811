//! The searches, as tests.

use crate::{
    config::{CONFIGS, MORE, Verdict, config},
    mutants::{ADDED, Known, RULES},
    prelude::*,
    search::{Broken, Found, Limits},
};

/// Whether there is time for complete searches.
fn is_proof() -> bool {
    std::env::var_os("TOKENFLIGHT_PROOF").is_some()
}

fn limits() -> Limits {
    match is_proof() {
        true => Limits { states: 60_000_000, ends_every: 16 },
        false => Limits { states: 120_000, ends_every: 64 },
    }
}

fn timed<T>(search: impl FnOnce() -> T) -> (T, Duration) {
    #[allow(clippy::disallowed_methods)] // How long a search takes is printed, and decides nothing.
    let start = std::time::Instant::now();
    let found = search();
    #[allow(clippy::disallowed_methods)]
    let took = start.elapsed();
    (found, took)
}

fn told(broken: &Broken) -> String {
    format!("{:?}: {}\n   {}", broken.law, broken.law.sentence(), broken.trace.join("\n   "))
}

/// Searches a configuration, or what is small of it, and prints what was counted.
fn hold(config: &Config) {
    let narrow = !is_proof() && CONFIGS.iter().any(|wide| wide.name == config.name);
    let config = &if narrow { config.narrow() } else { *config };
    let (found, took) = timed(|| World::new(*config, None).search(limits()));
    let Found { states, depth, bytes, complete, .. } = found;
    let extent = if complete { "complete" } else { "bounded" };
    println!(
        "{:<4} {states:>9} states, depth {depth:>2}, {:>5} MiB, {:>5.2} min, {extent}: {}{}",
        config.name,
        bytes >> 20,
        took.as_secs_f64() / 60.0,
        match config.server {
            Server::Grace(window) => format!("grace window {window}; "),
            _ => String::new(),
        },
        config.what,
    );
    if let Some(broken) = &found.broken {
        panic!("{} in {}", told(broken), config.name);
    }
    for (law, times) in &found.excused {
        println!("     {times} steps break {law:?} after what nothing can prevent");
    }
    match config.verdict {
        Verdict::Holds => assert!(found.excused.is_empty(), "{:?} in {}", found.first_excused, config.name),
        Verdict::HoldsUntilExcused if complete => {
            let first = found.first_excused.expect("what the contract cannot prevent is reached");
            println!("     for example {}", told(&first));
        }
        Verdict::HoldsUntilExcused => {}
    }
}

fn all_hold(first_letter: char) {
    CONFIGS.iter().chain(&MORE).filter(|config| config.name.starts_with(first_letter)).for_each(hold);
}

#[test]
fn over_a_file_every_law_holds() {
    all_hold('A');
}

#[test]
fn over_a_database_every_law_holds() {
    all_hold('B');
}

#[test]
fn without_a_clock_every_law_holds() {
    all_hold('C');
}

#[test]
fn with_a_grace_window_every_law_holds() {
    all_hold('G');
}

#[test]
fn with_other_servers_and_two_sessions_of_a_process_every_law_holds() {
    ['N', 'S', 'U', 'X'].into_iter().for_each(all_hold);
}

/// Windows of 0, 10, 30, 60 and 300 s in proportion to the claim that goes with them, three ticks.
#[test]
fn with_a_grace_window_of_any_length_every_law_holds() {
    for window in [0, 1, 4, 7, 12] {
        for config in CONFIGS.iter().chain(&MORE).filter(|config| matches!(config.server, Server::Grace(1..))) {
            hold(&config.server(Server::Grace(window)));
        }
    }
}

/// Looks for what goes wrong without a rule.
fn missed(known: &Known) -> bool {
    let states = if is_proof() || known.implied.is_some() { limits().states } else { 900_000 };
    let search = |config| World::new(config, Some(known.mutant)).search(Limits { states, ..limits() });
    let found = search(config(known.config).narrow());
    // Some traces need one flight or holder more.
    let found = if found.broken.is_some() { found } else { search(config(known.config)) };
    match (&found.broken, known.implied) {
        (Some(broken), _) => {
            let steps = broken.trace.len();
            println!("without the rule, {} ({}): {:?} after {steps} steps", known.what, known.config, broken.law);
            if is_proof() {
                println!("   {}", broken.trace.join("\n   "));
            }
        }
        (None, Some(why)) => println!("nothing goes wrong if {} ({}): {why}", known.what, known.config),
        (None, None) => println!("NOT FOUND in {} states of {}: {}", found.states, known.config, known.what),
    }
    found.broken.is_some()
}

#[test]
fn each_rule_that_is_left_out_breaks_a_law() {
    let found = RULES.iter().filter(|known| missed(known) != known.implied.is_some()).count();
    assert_eq!(found, RULES.len(), "each is found, unless it is implied by another");
    assert!(RULES.iter().filter(|known| known.implied.is_none()).count() >= 25);
}

#[test]
fn each_rule_that_was_added_after_a_trace_is_needed() {
    assert!(ADDED.iter().all(missed), "each is found");
}
