//! `cargo xtask bench --report`: everything that is counted and timed, in one report.

use crate::prelude::*;

/// Where it goes.
const FOLDER: &str = "docs/bench";

pub(crate) fn run(report: &mut Report) {
    report.step("counts", counts::run);
    report.step("peers", peers::run);
    let times = target_dir("criterion");
    report.step("forget older times", || match fs::remove_dir_all(&times) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(format!("{}: {error}", times.display())),
        _ => Ok(()),
    });
    // Half of criterion's own times: there are many benches, and patience does not cure noise.
    report.cargo(
        "times",
        &Cargo::new("bench -p tokenflight-benches -- --noplot --warm-up-time 0.5 --measurement-time 2.5"),
    );
    let write = Cargo::new("run --release -p tokenflight-benches --bin report")
        .arg(target_dir("bench").display().to_string())
        .arg(times.display().to_string())
        .arg(root().join(FOLDER).display().to_string());
    report.cargo("report", &write);
}
