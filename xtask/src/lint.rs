//! `cargo xtask lint`.

use crate::{api, floors, platforms, plugins::DENY, prelude::*, rust_version};

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
    // What all features together hide: imports and code that only one of them uses.
    let engine = ["", "tokio", "smol", "hyper-timer", "jwt", "extended-connect", "tracing"]
        .map(|features| ("tokenflight", features));
    let oauth2 = ["", "client", "http2", "assertion", "login"].map(|features| ("tokenflight-oauth2", features));
    let postgres = ["", "connections", "tracing"].map(|features| ("tokenflight-store-postgres", features));
    for (package, features) in engine.into_iter().chain(oauth2).chain(postgres) {
        let shown = if features.is_empty() { "no feature" } else { features };
        let clippy = Cargo::new("clippy --no-default-features -p").args(package).arg("--features").arg(features);
        report.quiet(&format!("clippy: {package}, {shown}"), &clippy.args("-- -D warnings"));
    }
    let doc = "doc --workspace --all-features --no-deps --document-private-items";
    report.quiet("docs", &Cargo::new(doc).flags("RUSTDOCFLAGS", "-D warnings"));
    api::check(report);
    deny(report);
    report.step("rust-version", rust_version::holds);
    floors::run(report);
    platforms::run(report);
    true
}

/// Licences, duplicates and sources of what we build on; `deny.toml` says what is allowed.
fn deny(report: &mut Report) {
    let check = "deny --workspace --all-features check licenses bans sources";
    let deny = if Cargo::new("deny --version").works() {
        Cargo::new(check)
    } else {
        let Some(plugin) = plugins::ready(DENY, report) else { return };
        Cargo::plugin(&plugin, check)
    };
    report.quiet("dependencies", &deny);
}
