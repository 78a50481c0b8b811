//! `cargo xtask test`.

use crate::{prelude::*, programs, step::log_of, structure};

/// Where the model checker's tests are. They are built with `--cfg shuttle`, which swaps locks and
/// atomics; every other test would run outside a model then, and panic.
pub(crate) const MODELS: &[Model] = &[
    Model { package: "tokenflight", target: "--lib", filter: "shuttle_tests" },
    Model { package: "tokenflight", target: "--test shuttle", filter: "" },
];

/// Tests under the model checker.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Model {
    package: &'static str,
    target: &'static str,
    /// What the names of the tests have in common.
    filter: &'static str,
}

impl Model {
    /// Builds and runs them, optimised: a model is millions of steps. Additions go to the harness.
    pub(crate) fn cargo(&self) -> Cargo {
        Cargo::new("test --release -p")
            .args(self.package)
            .args(self.target)
            .arg("--target-dir")
            .arg(target_dir("shuttle").display().to_string())
            .flags("RUSTFLAGS", "--cfg shuttle")
            .args("--")
            .args(self.filter)
    }
}

/// The contract of stores over connection pools: in a workspace of its own, whose tree is heavy.
fn pools() -> Cargo {
    let target = target_dir("pools").display().to_string();
    Cargo::new("test --manifest-path examples/pools/Cargo.toml --target-dir").arg(target)
}

pub(crate) fn run(report: &mut Report) -> bool {
    servers::strace(report);
    let mut found = Vec::new();
    // Without benches, which have their own command.
    let build = Cargo::new("test --workspace --all-features --no-run --message-format=json-render-diagnostics");
    report.beside(|report| found = servers::ready(report), |report| report.quiet("build", &build));
    let ready = report.passed("build");
    let with = |cargo: Cargo| found.iter().fold(cargo, |cargo, (variable, place)| cargo.env(variable, place));
    // Many tests panic on purpose, and where from is of no use here.
    // The stress of the real servers lasts for twenty lifetimes of a token.
    let tests = with(Cargo::new("test --workspace --all-features --no-fail-fast --lib --bins --tests"))
        .env_default("RUST_BACKTRACE", "0")
        .env_default("TOKENFLIGHT_SECONDS", "60");
    let run = |file: &Path| {
        let log = fs::read_to_string(log_of("build")).map_err(|error| error.to_string())?;
        let programs = if ready { programs::built(&log) } else { Vec::new() };
        programs::run(programs, tests.variables(), file)
    };
    report.beside(
        |report| report.logged("tests", &tests.line(), run),
        |report| {
            for model in MODELS {
                let name = format!("models: {} {}", model.package, model.target);
                report.quiet(&name, &model.cargo().args("--show-output").env_default("RUST_BACKTRACE", "0"));
            }
            report.quiet("tests: pools", &with(pools()));
            report.quiet("doc tests", &Cargo::new("test --workspace --all-features --no-fail-fast --doc"));
        },
    );
    structure::run(report)
}
