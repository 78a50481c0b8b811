//! How many crates a build brings along, macros and build scripts included.

use std::collections::BTreeSet;

use crate::cargo::Cargo;

/// Crates that a program of ours may have, its own included: the command line is installed by
/// people who wait for it.
const COMMAND_LINE: usize = 140;

/// Crates that the engine may have without features, our own included.
const ENGINE: usize = 28;

/// Crates that a store may add to those of the library.
const STORE: usize = 6;

/// None has become heavier than that.
pub(crate) fn light() -> Result<(), String> {
    let (engine, library) = (crates("tokenflight --no-default-features")?, crates("tokenflight")?);
    let (command, store) = (crates("tokenflight-cli")?, crates("tokenflight-store-file")?);
    let own = |name: &&String| name.starts_with("tokenflight-store-file ");
    let store = store.difference(&library).filter(|name| !own(name)).count();
    let heavy = [
        ("tokenflight without features", engine.len(), ENGINE),
        ("tokenflight-cli", command.len(), COMMAND_LINE),
        ("tokenflight-store-file beside the library", store, STORE),
    ]
    .map(|(what, crates, most)| {
        println!("{what}: {crates} crates of {most}");
        if crates > most { format!("{what} has {crates} crates, more than {most}. ") } else { String::new() }
    })
    .concat();
    if heavy.is_empty() { Ok(()) } else { Err(heavy) }
}

fn crates(package: &str) -> Result<BTreeSet<String>, String> {
    let tree = Cargo::new("tree -e normal,build --prefix none --no-dedupe -p").args(package).output()?;
    Ok(tree.lines().map(str::to_owned).collect())
}
