//! Planted faults: patches that break one promise each. A test that is named in the patch turns red
//! by it, or the promise is not tested.
//!
//! A patch begins with what it breaks and the tests that find it, as `test: package target name`,
//! where the target is `--lib` or the name of a test program, after `shuttle:` if it is built for
//! the model checker.

use crate::{
    copy::{Copy, fits},
    prelude::*,
};

const FOLDER: &str = "xtask/faults";

/// What is built for the model checker has compiler flags of its own.
const MODELS: &str = "shuttle";

/// A test that runs for so many seconds hangs.
const LIMIT: u32 = 60;

/// A fault to plant.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What its file is called, without the ending.
    pub(crate) name: String,
    tests: Vec<Test>,
    patch: PathBuf,
}

/// A test that is to find it.
#[derive(Debug)]
struct Test {
    package: String,
    target: String,
    name: String,
}

impl Fault {
    fn read(patch: PathBuf) -> Result<Self, String> {
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&patch).map_err(|error| format!("{name}: {error}"))?;
        let head = text.lines().take_while(|line| !line.starts_with("diff "));
        let tests: Option<Vec<Test>> = head
            .filter_map(|line| line.strip_prefix("test: "))
            .map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
                [package, target, name] => {
                    Some(Test { package: package.to_owned(), target: target.to_owned(), name: name.to_owned() })
                }
                _ => None,
            })
            .collect();
        match tests {
            Some(tests) if !tests.is_empty() => Ok(Self { name, tests, patch }),
            _ => Err(format!("{name}: names no test as `test: package target name`")),
        }
    }

    /// Plants it and has its tests run: one that passes has not found it.
    fn is_found(&self, copy: &Copy) -> Result<(), String> {
        copy.apply(&self.patch)?;
        let missed: Vec<String> = self.tests.iter().filter_map(|test| test.finds(copy).err()).collect();
        copy.take_back(&self.patch)?;
        if missed.is_empty() { Ok(()) } else { Err(missed.join("; ")) }
    }
}

impl Test {
    /// Whether it fails, or hangs; one that is not built has found nothing.
    fn finds(&self, copy: &Copy) -> Result<(), String> {
        let (kind, target) = self.target.split_once(':').unwrap_or(("", &self.target));
        let target = if target.starts_with("--") { target.to_owned() } else { format!("--test {target}") };
        let (test, build) = match kind {
            MODELS => (Cargo::new("test --release").flags("RUSTFLAGS", "--cfg shuttle"), build(MODELS)),
            _ => (Cargo::new("test --all-features"), build("tests")),
        };
        let test = test.args(&target);
        let test = test.args("-p").args(&self.package).within(copy.path()).env_default("RUST_BACKTRACE", "0");
        let test = test.env("CARGO_TARGET_DIR", &build.display().to_string());
        let log = target_dir("xtask").join("fault.log");
        let text = || fs::read_to_string(&log).map_err(|error| format!("{}: {error}", log.display()));
        if let Err(error) = test.clone().args("--no-run").run_into(&log) {
            return Err(format!("{} is not built: {error}\n{}", self.name, Tests::what_failed(&text()?)));
        }
        let result = test.args("-- --exact").args(&self.name).at_most(LIMIT).run_into(&log);
        // No test of that name is no failure.
        match result {
            Err(_) => Ok(()),
            Ok(()) if Tests::counted(&text()?).is_empty() => Err(format!("there is no test {}", self.name)),
            Ok(()) => Err(format!("{} does not find it", self.name)),
        }
    }

    /// Whether there is such a function.
    fn exists(&self) -> Result<bool, String> {
        let name = self.name.rsplit("::").next().unwrap_or_default();
        let function = format!("fn {name}(");
        let folder = format!("crates/{}", self.package);
        Ok(files(&folder)?.iter().any(|file| file.code().contains(&function)))
    }
}

/// All of them, by name.
pub(crate) fn all() -> Result<Vec<Fault>, String> {
    patches(FOLDER)?.into_iter().map(Fault::read).collect()
}

/// Whether every patch still fits the sources, and names tests that exist.
pub(crate) fn fit() -> Result<(), String> {
    let mut wrong = Vec::new();
    for fault in all()? {
        if let Err(error) = fits(&fault.patch) {
            wrong.push(format!("{}: {error}", fault.name));
        }
        for test in &fault.tests {
            if !test.exists()? {
                wrong.push(format!("{}: there is no test {}", fault.name, test.name));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// `cargo xtask proof faults`: each in turn, in a copy of the tree.
pub(crate) fn run(report: &mut Report) {
    let prepared = report.attempt("faults: the copy", false, || {
        // Were it missing, every test would fail.
        printed(Command::new("timeout").arg("--version")).map_err(|error| format!("timeout: {error}"))?;
        Ok((Copy::make("faults")?, all()?))
    });
    let Some((copy, faults)) = prepared else { return };
    for fault in faults {
        println!("fault: {}", fault.name);
        report.step(&format!("fault: {}", fault.name), || fault.is_found(&copy));
    }
}

fn build(kind: &str) -> PathBuf {
    target_dir("faults").join(kind)
}
