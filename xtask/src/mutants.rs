//! Mutants: changes of the decision machine and of the store's rules, one at a time, each of which
//! a test has to notice.

use crate::{plugins::MUTANTS, prelude::*};

/// What is changed.
const FILES: &[&str] = &["crates/tokenflight-machine/src/**", "crates/tokenflight-core/src/store/apply.rs"];

/// The tests that have to notice.
const TESTS: &str = "tokenflight-core,tokenflight-machine";

/// `args` go to cargo-mutants: other files (`--file`), a part (`--shard 1/8`) or a list (`--list`).
pub(crate) fn run(args: &[&str], report: &mut Report) {
    let Some(plugin) = plugins::ready(MUTANTS, report) else { return };
    let mutants = Cargo::plugin(&plugin, "mutants --test-package").arg(TESTS).arg("--output");
    let mutants = mutants.arg(target_dir("mutants").display().to_string());
    let files = if args.contains(&"--file") { &[] } else { FILES };
    let mutants = files.iter().fold(mutants, |mutants, file| mutants.arg("--file").arg(*file));
    report.cargo("mutants", &args.iter().fold(mutants, |mutants, arg| mutants.arg(*arg)));
}
