//! `cargo xtask bench`.

use crate::{cargo::Cargo, compare, counts, peers, report, step::Report};

pub(crate) fn run(args: &[&str], report: &mut Report) -> bool {
    let (own, passed) = match args.iter().position(|arg| *arg == "--") {
        Some(at) => (&args[..at], &args[at + 1..]),
        None => (args, &[] as &[&str]),
    };
    let mut cargo = Cargo::new("bench -p tokenflight-benches");
    match own {
        [] => {}
        ["--counts"] => {
            report.step("counts", counts::run);
            return true;
        }
        ["--report"] => {
            report::run(report);
            return true;
        }
        ["--compare", revision] if compare::known(revision) => {
            report.step("compare", || compare::run(revision));
            return true;
        }
        ["--peers"] => {
            report.step("peers", peers::run);
            return true;
        }
        // Once through each bench, no measuring. Not `--quick`, which only criterion understands:
        // cargo hands the arguments to the test harness of the crate as well.
        ["--short"] => cargo = cargo.args("-- --test"),
        _ => return false,
    }
    if !passed.is_empty() {
        if own.is_empty() {
            cargo = cargo.arg("--");
        }
        cargo = passed.iter().fold(cargo, |cargo, arg| cargo.arg(*arg));
    }
    report.cargo("benches", &cargo);
    if own == ["--short"] && passed.is_empty() {
        peers::short(report);
    }
    true
}
