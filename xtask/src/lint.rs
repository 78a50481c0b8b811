//! `cargo xtask lint`.

use crate::{
    api, floors, platforms,
    plugins::{DENY, HACK},
    prelude::*,
    rust_version, structure,
};

/// Crates with features, and the README's program, which must do with those that the README names.
const ALONE: &[&str] =
    &["tokenflight", "tokenflight-oauth2", "tokenflight-store-postgres", "tokenflight-example-readme"];

pub(crate) fn run(report: &mut Report) -> bool {
    report.quiet("format", &Cargo::new("fmt --all --check"));
    for (folder, package) in [
        ("benches/peers", "tokenflight-peers"),
        ("examples/pools", "tokenflight-example-pools"),
        ("examples/telemetry", "tokenflight-example-telemetry"),
    ] {
        let fmt = format!("fmt --check --manifest-path {folder}/Cargo.toml -p {package}");
        report.quiet(&format!("format: {folder}"), &Cargo::new(&fmt));
    }
    report.quiet("clippy", &Cargo::new("clippy --workspace --all-targets --all-features -- -D warnings"));
    // What all features together hide: imports and code that only one of them uses, and a
    // feature that another crate has switched on.
    if let Some(hack) = plugins::ready(HACK, report) {
        let clippy =
            Cargo::plugin(&hack, "hack clippy --each-feature --skip default --exclude-all-features --keep-going");
        let clippy = ALONE.iter().fold(clippy, |clippy, name| clippy.args("-p").args(name));
        report.quiet("clippy: each feature", &clippy.args("-- -D warnings"));
    }
    let doc = "doc --workspace --all-features --no-deps --document-private-items";
    report.quiet("docs", &Cargo::new(doc).flags("RUSTDOCFLAGS", "-D warnings"));
    api::check(report);
    // Licences, duplicates and sources of what we build on; `deny.toml` says what is allowed.
    if let Some(deny) = plugins::ready(DENY, report) {
        let check = "deny --workspace --all-features check licenses bans sources";
        report.quiet("dependencies", &Cargo::plugin(&deny, check));
    }
    report.step("rust-version", rust_version::holds);
    floors::run(report);
    platforms::run(report);
    structure::run(report)
}
