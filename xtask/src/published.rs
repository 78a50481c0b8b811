//! What is published: every crate in `crates`.

use crate::{plugins::HACK, prelude::*};

/// Their names, which their folders have as well.
pub(crate) fn names() -> Result<Vec<String>, String> {
    let crates = root().join("crates");
    let entries = fs::read_dir(&crates).map_err(|error| format!("{}: {error}", crates.display()))?;
    let folders = entries.filter_map(Result::ok).filter(|entry| entry.path().join("Cargo.toml").exists());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

/// The crates that others build on.
pub(crate) fn libraries() -> Result<Vec<String>, String> {
    Ok(names()?.into_iter().filter(|name| root().join("crates").join(name).join("src/lib.rs").exists()).collect())
}

/// Packs each crate, and builds it from its own package with the other packages beside it.
pub(crate) fn package(report: &mut Report) {
    let Some(names) = report.attempt("published crates", false, names) else { return };
    let package =
        Cargo::new("package --locked --allow-dirty --target-dir").arg(target_dir("packages").display().to_string());
    report.quiet("package", &names.iter().fold(package, |package, name| package.arg("--package").arg(name)));
}

/// Every set of features of every library.
pub(crate) fn powerset(report: &mut Report) {
    let Some(hack) = plugins::ready(HACK, report) else { return };
    let clippy =
        "hack clippy --feature-powerset --lib --workspace --ignore-private --exclude tokenflight-cli --keep-going";
    report.quiet("powerset", &Cargo::plugin(&hack, clippy).args("-- -D warnings"));
}
