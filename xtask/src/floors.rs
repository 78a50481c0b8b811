//! The lowest versions that the manifests allow: with just them, what is published builds.

use crate::{copy::Copy, prelude::*};

pub(crate) fn run(report: &mut Report) {
    let Some(tree) = report.attempt("floors: a copy without tests", false, bare) else { return };
    // An option of nightly cargo, which does nothing but choose versions.
    let update = Cargo::new("update -Z direct-minimal-versions").env("RUSTC_BOOTSTRAP", "1");
    report.quiet("floors: the lowest versions", &update.within(tree.path()));
    let target = target_dir("floors").display().to_string();
    let check = Cargo::new("check --locked --workspace --lib --bins --all-features --target-dir").arg(target);
    report.quiet("floors: build with them", &check.within(tree.path()));
}

/// A copy of the tree with the published crates alone, as their users build them: what tests,
/// examples and benches need would raise the versions.
fn bare() -> Result<Copy, String> {
    let tree = Copy::make("floors")?;
    edit(&tree.path().join("Cargo.toml"), |text| {
        let members = text.lines().find(|line| line.starts_with("members = ")).unwrap_or("members = ");
        text.replace(members, r#"members = ["crates/*"]"#)
    })?;
    for name in published::names()? {
        edit(&tree.path().join("crates").join(name).join("Cargo.toml"), without_tests)?;
    }
    Ok(tree)
}

fn edit(manifest: &Path, change: impl FnOnce(&str) -> String) -> Result<(), String> {
    let text = fs::read_to_string(manifest).map(|text| change(&text));
    text.and_then(|text| fs::write(manifest, text)).map_err(|error| format!("{}: {error}", manifest.display()))
}

/// A manifest without its sections of `dev-dependencies`.
fn without_tests(manifest: &str) -> String {
    let mut kept = true;
    let lines = manifest.lines().filter(|line| {
        if line.starts_with('[') {
            kept = !line.contains("dev-dependencies");
        }
        kept
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::without_tests;

    #[test]
    fn what_only_tests_need_is_cut_out() {
        let manifest = "[dependencies]\na = \"1\"\n[target.'cfg(x)'.dev-dependencies]\nb = \"1\"\n[lints]\nc = true\n";
        assert_eq!(without_tests(manifest), "[dependencies]\na = \"1\"\n[lints]\nc = true\n");
    }
}
