//! Planted faults: patches that break one promise each. A test that is named in the patch turns red by it, or the promise is
//! not tested.
//!
//! A patch begins with what it breaks and the tests that find it, as `test: package target name`, where the target is
//! `--lib` or the name of a test program; `shuttle` is built for the model checker.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use crate::{
    cargo::{Cargo, root, target_dir},
    libtest::Tests,
    source::files,
    step::Report,
};

const FOLDER: &str = "xtask/faults";

/// The test program of the model checker, which has compiler flags of its own.
const MODELS: &str = "shuttle";

/// A test that runs for so long hangs.
const LIMIT: Duration = Duration::from_secs(60);

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

    /// Applies it in the copy, or takes it back.
    fn apply(&self, extra: &[&str]) -> Result<(), String> {
        apply(&copy(), &self.patch, extra).map_err(|error| format!("{}: {error}", self.name))
    }

    /// Plants it and has its tests run: one that passes has not found it.
    fn is_found(&self) -> Result<(), String> {
        self.apply(&[])?;
        let missed: Vec<String> = self.tests.iter().filter_map(|test| test.finds().err()).collect();
        self.apply(&["--reverse"])?;
        if missed.is_empty() { Ok(()) } else { Err(missed.join("; ")) }
    }
}

impl Test {
    /// Whether it fails, or hangs; one that is not built has found nothing.
    fn finds(&self) -> Result<(), String> {
        let test = match self.target.as_str() {
            "--lib" => Cargo::new("test --all-features --lib"),
            MODELS => Cargo::new("test --release --test").args(MODELS).flags("RUSTFLAGS", "--cfg shuttle"),
            target => Cargo::new("test --all-features --test").args(target),
        };
        let build = build(if self.target == MODELS { MODELS } else { "tests" });
        let test = test.args("-p").args(&self.package).within(&copy()).env_default("RUST_BACKTRACE", "0");
        let test = test.env("CARGO_TARGET_DIR", &build.display().to_string());
        let log = target_dir("xtask").join("fault.log");
        let text = || fs::read_to_string(&log).map_err(|error| format!("{}: {error}", log.display()));
        if let Err(error) = test.clone().args("--no-run").run_into(&log) {
            return Err(format!("{} is not built: {error}\n{}", self.name, Tests::what_failed(&text()?)));
        }
        let result = test.args("-- --exact").args(&self.name).run_within(LIMIT, &log);
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
    let folder = fs::read_dir(root().join(FOLDER)).map_err(|error| format!("{FOLDER}: {error}"))?;
    let mut patches: Vec<PathBuf> = folder.filter_map(|entry| Some(entry.ok()?.path())).collect();
    patches.sort();
    patches
        .into_iter()
        .filter(|path| path.extension().is_some_and(|ending| ending == "patch"))
        .map(Fault::read)
        .collect()
}

/// Whether every patch still fits the sources, and names tests that exist.
pub(crate) fn fit() -> Result<(), String> {
    let mut wrong = Vec::new();
    for fault in all()? {
        if let Err(error) = apply(root(), &fault.patch, &["--check"]) {
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
    let Some(faults) = report.attempt("faults: the copy", false, || make_copy().and_then(|()| all())) else { return };
    for fault in faults {
        report.step(&format!("fault: {}", fault.name), || fault.is_found());
    }
}

fn copy() -> PathBuf {
    target_dir("faults").join("tree")
}

fn build(kind: &str) -> PathBuf {
    target_dir("faults").join(kind)
}

/// The files as they are here, committed or not. Those that have not changed keep their dates, and are not built again.
fn make_copy() -> Result<(), String> {
    let listed = Command::new("git").args(["ls-files", "-coz", "--exclude-standard"]).current_dir(root()).output();
    let listed = listed.map_err(|error| format!("git: {error}"))?.stdout;
    let _ = fs::create_dir_all(target_dir("xtask"));
    for name in String::from_utf8_lossy(&listed).split('\0').filter(|name| !name.is_empty()) {
        let (from, to) = (root().join(name), copy().join(name));
        // Deleted here and not yet committed.
        let Ok(content) = fs::read(&from) else { continue };
        if fs::read(&to).is_ok_and(|there| there == content) {
            continue;
        }
        let written = to.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&to, content));
        written.map_err(|error| format!("{}: {error}", to.display()))?;
    }
    Ok(())
}

fn apply(tree: &Path, patch: &Path, extra: &[&str]) -> Result<(), String> {
    let mut git = Command::new("git");
    git.arg("apply").args(extra).arg(patch).current_dir(tree);
    // The copy lies inside a repository and is none: git would take its files for those of the repository.
    if tree != root() {
        git.env("GIT_CEILING_DIRECTORIES", tree.parent().unwrap_or(tree));
    }
    let output = git.output().map_err(|error| format!("git: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if output.status.success() { Ok(()) } else { Err(said) }
}
