//! Mistakes that a fuzz target must find: each is a patch in `fuzz/planted`.

use crate::{copy::Copy, fuzz::libfuzzer, prelude::*};

const FOLDER: &str = "fuzz/planted";

/// How long a target may look for its mistake, from its seeds alone.
const SECONDS: &str = "60";

pub(crate) fn run(report: &mut Report) {
    let prepared = report.attempt("planted: the copy", false, || Ok((Copy::make("planted")?, patches(FOLDER)?)));
    let Some((copy, patches)) = prepared else { return };
    for patch in patches {
        let Some(target) = patch.file_stem().and_then(|stem| stem.to_str()) else { continue };
        report.step(target, || {
            copy.apply(&patch)?;
            let found = find(copy.path(), target);
            copy.take_back(&patch)?;
            found
        });
    }
}

fn find(tree: &Path, target: &str) -> Result<(), String> {
    let found = env::temp_dir().join(format!("tokenflight-planted-{target}-"));
    let told = libfuzzer(tree, target, SECONDS)
        .args("-verbosity=0")
        .arg(format!("-artifact_prefix={}", found.display()))
        .arg(tree.join("fuzz/seeds").join(target).display().to_string())
        .failure()?;
    let Some(panic) = told.lines().find(|line| line.contains("panicked at")) else {
        return Err(format!("it failed otherwise: {told}"));
    };
    println!("{target}: {panic}");
    Ok(())
}
