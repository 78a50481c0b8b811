//! What the project is built on stays in use.

use crate::{
    prelude::*,
    source::{File, files},
    tokens::tokens,
};

/// Crates, and the files that have to use them, if it must be certain ones.
const CRATES: &[(&str, &str)] = &[
    ("tower", ""),
    ("hyper", ""),
    ("hyper-util", ""),
    ("http", "crates/tokenflight/src/"),
    ("http-body-util", ""),
    ("tokio", ""),
    ("futures-util", "crates/tokenflight/src/flight/"),
    ("pin-project-lite", "crates/tokenflight/src/"),
    ("jsonwebtoken", ""),
    ("tokio-test", ""),
    ("criterion", "benches/lock_contention.rs"),
];

pub(crate) fn hold() -> Result<(), String> {
    let mut sources = Vec::new();
    for folder in ["crates", "benches", "examples"] {
        sources.extend(files(folder)?);
    }
    let sources: Vec<_> = sources.iter().map(|file| (file.name(), file)).collect();
    let manifest = fs::read_to_string(root().join("Cargo.toml")).map_err(|error| format!("Cargo.toml: {error}"))?;
    let unused: Vec<&str> = CRATES
        .iter()
        .filter(|(name, place)| {
            let mut own = sources.iter().filter(|(file, _)| file.starts_with(place));
            !is_listed(&manifest, name) || !own.any(|(_, file)| uses(file, name))
        })
        .map(|(name, _)| *name)
        .collect();
    if unused.is_empty() { Ok(()) } else { Err(format!("built on, and not in use: {}", unused.join(", "))) }
}

/// Whether the manifest of the workspace names it.
fn is_listed(manifest: &str, name: &str) -> bool {
    let beginning = |line: &str| Some(line.strip_prefix(name)?.trim_start().starts_with(['=', '.']));
    manifest.lines().filter_map(beginning).any(|listed| listed)
}

/// Whether a path begins with it.
fn uses(file: &File, name: &str) -> bool {
    let name = name.replace('-', "_");
    if !file.text().contains(&name) {
        return false;
    }
    // An import may have a second name; a path inside of another one begins with something else.
    let tokens = tokens(file.text());
    tokens.windows(2).enumerate().any(|(at, pair)| {
        let begins = at.checked_sub(1).is_none_or(|before| tokens[before] != "::");
        begins && pair[0] == name && ["::", ";", "as"].contains(&pair[1].as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_is_only_spoken_of_is_not_in_use() {
        let uses = |text: &str| uses(&File::new("x.rs", text), "http-body-util");
        assert!(uses("use http_body_util::Full;") && uses("type B = http_body_util::Full<()>;"));
        assert!(!uses(
            "//! See `http_body_util::Full`.\nuse crate::http_body_util_like::X; let s = \"http_body_util::\";"
        ));
    }

    #[test]
    fn a_crate_is_listed_by_its_whole_name() {
        assert!(
            is_listed("[dependencies]\ntower = \"0.5\"\n", "tower") && is_listed("tower.workspace = true", "tower")
        );
        assert!(!is_listed("tower-layer = \"0.3\"\n# tower = 1\n", "tower"));
    }
}
