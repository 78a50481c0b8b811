//! How many crates a build brings along.

use std::collections::BTreeSet;

use crate::cargo::Cargo;

/// Crates that a program of ours may have, its own included: the command line is installed by
/// people who wait for it.
const COMMAND_LINE: usize = 140;

/// Crates that a store may add to those of the library.
const STORE: usize = 6;

/// Neither has become heavier than that.
pub(crate) fn light() -> Result<(), String> {
    let command = crates("tokenflight-cli")?;
    let library = crates("tokenflight")?;
    let own = |name: &&String| name.starts_with("tokenflight-store-file ");
    let store: Vec<_> =
        crates("tokenflight-store-file")?.difference(&library).filter(|name| !own(name)).cloned().collect();
    println!("tokenflight-cli: {} crates; tokenflight-store-file: {} beside the library's", command.len(), store.len());
    if command.len() > COMMAND_LINE {
        return Err(format!("tokenflight-cli has {} crates, more than {COMMAND_LINE}", command.len()));
    }
    if store.len() > STORE {
        return Err(format!("tokenflight-store-file adds more than {STORE} crates: {}", store.join(", ")));
    }
    Ok(())
}

/// What is compiled for this package, macros and build scripts included.
fn crates(package: &str) -> Result<BTreeSet<String>, String> {
    let tree = Cargo::new("tree -e normal,build --prefix none -p").args(package).output()?;
    Ok(listed(&tree))
}

/// A crate that was listed before is marked.
fn listed(tree: &str) -> BTreeSet<String> {
    tree.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_counts_once() {
        assert_eq!(listed("a v1.0.0\nb v1.0.0\n\na v1.0.0 (*)\nb v2.0.0\n").len(), 3);
    }
}
