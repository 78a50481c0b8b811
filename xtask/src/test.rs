//! `cargo xtask test`.

use crate::{
    servers,
    step::{Cargo, Report, target_dir},
    structure,
};

/// Where the model checker's tests are. They are built with `--cfg shuttle`, which swaps locks and atomics; every other
/// test would run outside a model then, and panic.
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
    /// Builds and runs them, optimised: a model is millions of steps. What is added goes to the test harness.
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

    /// Fails if there is nothing to run: a filter or a `cfg` that matches nothing looks like success.
    fn has_tests(&self) -> Result<(), String> {
        let listed = self.cargo().args("--list").output()?;
        let count = listed.lines().filter(|line| line.ends_with(": test")).count();
        println!("{count} tests under the model checker");
        if count == 0 { Err("no tests under the model checker".to_owned()) } else { Ok(()) }
    }
}

pub(crate) fn run(report: &mut Report) -> bool {
    // Without the benches, which have a command of their own. What passes prints what it counted.
    let tests = "test --workspace --all-features --no-fail-fast --lib --bins --tests --examples -- --show-output";
    // Many tests panic on purpose, and where from is not what one wants to read here.
    // The stress of the real servers lasts for twenty lifetimes of a token.
    let tests = Cargo::new(tests).env_default("RUST_BACKTRACE", "0").env_default("TOKENFLIGHT_SECONDS", "60");
    let tests = servers::ready(report).into_iter().fold(tests, |tests, (variable, place)| tests.env(variable, &place));
    report.cargo("tests", &tests);
    report.cargo("doc tests", &Cargo::new("test --workspace --all-features --no-fail-fast --doc"));
    for model in MODELS {
        report.step("models exist", || model.has_tests());
        report.cargo("models", &model.cargo().args("--show-output").env_default("RUST_BACKTRACE", "0"));
    }
    structure::run(report)
}
