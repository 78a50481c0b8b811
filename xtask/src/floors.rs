//! The lowest versions that the manifests allow: with just them, what is published builds.

use crate::{copy::Copy, plugins::HACK, prelude::*};

pub(crate) fn run(report: &mut Report) {
    let Some(hack) = plugins::ready(HACK, report) else { return };
    let Some(tree) = report.attempt("floors: a copy", false, || Copy::make("floors")) else { return };
    // The published crates alone, as their users build them: what tests, examples and benches need
    // would raise the versions.
    let bare = Cargo::plugin(&hack, "hack --workspace --no-private --remove-dev-deps");
    report.quiet("floors: without tests", &bare.within(tree.path()));
    // An option of nightly cargo, which does nothing but choose versions.
    let update = Cargo::new("update -Z direct-minimal-versions").env("RUSTC_BOOTSTRAP", "1");
    report.quiet("floors: the lowest versions", &update.within(tree.path()));
    let target = target_dir("floors").display().to_string();
    let check = Cargo::new("check --locked --workspace --lib --bins --all-features --target-dir").arg(target);
    report.quiet("floors: build with them", &check.within(tree.path()));
}
