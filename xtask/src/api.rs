//! The public interface of each library: listed in `docs/api`, and every item by one path.

use crate::prelude::*;

/// What has docs.rs build the pages as here; without it there were those of the default features.
const ON_DOCS_RS: &str = "[package.metadata.docs.rs]\nall-features = true\nrustdoc-args = [\"--cfg\", \"docsrs\"]\n";

/// Where the listings are.
const FOLDER: &str = "docs/api";

/// Writes the listings.
pub(crate) fn write(report: &mut Report) {
    run(report, &["--write"]);
}

/// Whether they are true, and no item has a second path.
pub(crate) fn check(report: &mut Report) {
    run(report, &[]);
}

fn run(report: &mut Report, more: &[&str]) {
    let Some(names) = report.attempt("published libraries", false, published::libraries) else { return };
    report.step("docs.rs builds the same", || {
        let told = |name: &&String| {
            fs::read_to_string(root().join("crates").join(name).join("Cargo.toml"))
                .is_ok_and(|text| text.contains(ON_DOCS_RS))
        };
        let without: Vec<&String> = names.iter().filter(|name| !told(name)).collect();
        if without.is_empty() { Ok(()) } else { Err(format!("not in the manifests of {without:?}:\n{ON_DOCS_RS}")) }
    });
    // As docs.rs does it, but as JSON, which the stable compiler writes if it is asked twice. That
    // changes how some crates are built: in a folder of their own.
    let target = target_dir("docsrs");
    let doc = Cargo::new("doc --no-deps --lib --all-features --target-dir").arg(target.display().to_string());
    let doc = names.iter().fold(doc, |doc, name| doc.arg("--package").arg(name)).env("RUSTC_BOOTSTRAP", "1");
    let flags = "--cfg docsrs -D warnings -Zunstable-options --output-format json";
    report.quiet("docs as on docs.rs", &doc.env("RUSTDOCFLAGS", flags));
    let list = Cargo::new("run --quiet --package xtask-api --").arg(target.join("doc").display().to_string());
    let list = list.arg(root().join(FOLDER).display().to_string());
    let list = more.iter().fold(list, |list, arg| list.arg(*arg));
    report.quiet("interface", &names.iter().fold(list, |list, name| list.arg(name)));
}
