//! What the compiler does not check: rules about where things may stand.

use crate::{guarantees, prelude::*, source::File, weight, words};

/// Crates that run things. The engine must not need any of them.
const RUNTIMES: &[&str] = &["tokio", "smol", "async-std", "async-io", "async-executor", "hyper"];

/// No file is longer than this many lines.
const LINES: usize = 400;

/// Longer files and why they stay whole.
const LONG: &[(&str, &str)] = &[];

/// The file that names `futures::Shared`, whose five hazards are cured beside it.
const SHARED_OWNER: &str = "crates/tokenflight/src/flight/";

/// The other file that may name it, which is about no flight, and why.
const SHARED_BESIDE: &[(&str, &str)] =
    &[("crates/tokenflight/src/stores/turns.rs", "every task that waits for its turn at a store carries the work on")];

/// Files of the engine that may name `std::sync`, and why.
const STD_SYNC: &[(&str, &str)] = &[
    ("crates/tokenflight/src/sync.rs", "hands out std's or the model checker's"),
    ("crates/tokenflight/src/time/clocks.rs", "a constant set once; no model reads a clock"),
];

pub(crate) fn run(report: &mut Report) -> bool {
    report.step("structure: no runtime in the engine", no_runtime);
    report.step("structure: one file names Shared", shared_in_one_file);
    report.step("structure: std::sync only through sync.rs", std_sync_in_one_file);
    report.step("structure: short files", short_files);
    report.step("structure: few crates", weight::light);
    report.step("structure: words", words::hold);
    report.step("structure: planted faults fit", faults::fit);
    report.step("structure: guarantees name what exists", guarantees::hold);
    true
}

fn no_runtime() -> Result<(), String> {
    let tree = Cargo::new("tree -p tokenflight --no-default-features -e normal --prefix none").output()?;
    let found: Vec<&str> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| RUNTIMES.contains(name)).collect();
    none_of("tokenflight without features depends on", &found)
}

/// The engine without its unit tests, which may show what goes wrong without us.
fn engine() -> Result<Vec<File>, String> {
    Ok(files("crates/tokenflight/src")?.into_iter().filter(|file| !file.name().ends_with("tests.rs")).collect())
}

fn shared_in_one_file() -> Result<(), String> {
    let files = engine()?;
    let beside = |file: &File| SHARED_BESIDE.iter().any(|(name, _)| *name == file.name());
    let found: Vec<&str> = files.iter().filter(|file| names_shared(file) && !beside(file)).map(File::name).collect();
    match found.as_slice() {
        [one] if one.starts_with(SHARED_OWNER) => Ok(()),
        _ => Err(format!("futures::Shared must be named in one file of {SHARED_OWNER}, not in {found:?}")),
    }
}

/// By its path, its import, or the method that makes one. Types of our own may be called the same.
fn names_shared(file: &File) -> bool {
    let code = file.code();
    let imported = code
        .split("use futures")
        .skip(1)
        .filter_map(|rest| rest.split(';').next())
        .any(|import| words(import).any(|word| word == "Shared"));
    imported || code.contains(".shared()") || code.contains("future::Shared")
}

fn std_sync_in_one_file() -> Result<(), String> {
    let files = engine()?;
    let found: Vec<&str> = files
        .iter()
        .filter(|file| names_std_sync(&file.code()))
        .map(File::name)
        .filter(|name| !STD_SYNC.iter().any(|(allowed, _)| allowed == name))
        .collect();
    none_of("std::sync is named outside sync.rs: in", &found)
}

/// `std::sync` spelled out, or inside the braces of `use std::{…}`.
fn names_std_sync(code: &str) -> bool {
    let grouped = code
        .split("use std::{")
        .skip(1)
        .filter_map(|rest| rest.split(';').next())
        .any(|group| words(group).any(|word| word == "sync"));
    grouped || code.contains("std::sync")
}

fn short_files() -> Result<(), String> {
    let mut wrong = Vec::new();
    for file in files("crates")?.iter().filter(|file| file.name().contains("/src/")) {
        let listed = LONG.iter().any(|(name, _)| *name == file.name());
        match (file.lines() > LINES, listed) {
            (true, false) => wrong.push(format!("{} has {} lines", file.name(), file.lines())),
            (false, true) => wrong.push(format!("{} is short now: take it off the list", file.name())),
            _ => {}
        }
    }
    none_of("at most 400 lines a file, or a reason in xtask/src/structure.rs:", &wrong)
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|char: char| !(char.is_alphanumeric() || char == '_'))
}

fn none_of(what: &str, found: &[impl AsRef<str>]) -> Result<(), String> {
    let found: Vec<&str> = found.iter().map(AsRef::as_ref).collect();
    if found.is_empty() { Ok(()) } else { Err(format!("{what} {}", found.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn std_sync_is_found_in_every_spelling() {
        assert!(names_std_sync("use std::sync::Arc;"));
        assert!(names_std_sync("let x = std::sync::Mutex::new(1);"));
        assert!(names_std_sync("use std::{\n    fmt,\n    sync::{Arc, Mutex},\n};"));
        assert!(!names_std_sync("use std::{fmt, time::Duration};\nuse crate::sync::Arc;"));
    }

    #[test]
    fn shared_is_found_in_code_and_not_in_comments() {
        let named = |text| names_shared(&File::new("x.rs", text));
        assert!(named("use futures_util::future::{BoxFuture, Shared};"));
        assert!(named("let flight = work.shared();"));
        assert!(named("type Flight = futures_util::future::Shared<Work>;"));
        assert!(!named("struct Shared;\nuse futures_util::FutureExt;\nlet shared = Shared;"));
        assert!(!named("//! Built on `futures::Shared`.\n/// See [`Shared`].\nstruct SharedState; // Shared\n"));
    }
}
