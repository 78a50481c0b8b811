//! `cargo xtask bench`.

use crate::{compare, prelude::*, report as written};

pub(crate) fn run(args: &[&str], report: &mut Report) -> bool {
    match args {
        ["--counts"] => report.step("counts", counts::run),
        ["--peers"] => report.step("peers", peers::run),
        ["--report"] => written::run(report),
        ["--compare", revision] if compare::known(revision) => report.step("compare", || compare::run(revision)),
        // Once through each bench, no measuring. Not `--quick`, which only criterion understands:
        // cargo hands the arguments to the test harness of the crate as well.
        ["--short"] => {
            benches(&["--", "--test"], report);
            peers::short(report);
        }
        ["--short", "--", passed @ ..] => benches(&[&["--", "--test"], passed].concat(), report),
        [] | ["--", ..] => benches(args, report),
        _ => return false,
    }
    true
}

fn benches(args: &[&str], report: &mut Report) {
    let cargo = Cargo::new("bench -p tokenflight-benches");
    report.cargo("benches", &args.iter().fold(cargo, |cargo, arg| cargo.arg(*arg)));
}
