//! Where the programs of Postgres are.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// What of Postgres is used. `xtask/src/servers.rs` looks for the same.
const PROGRAMS: [&str; 4] = ["initdb", "postgres", "psql", "pg_basebackup"];

/// The folder that has them. Without one a line says so.
///
/// # Panics
///
/// If there is none, and `CI` is set.
pub(super) fn programs() -> Option<PathBuf> {
    let found = named().or_else(on_path).or_else(debian);
    if found.is_none() {
        let left_out = "no Postgres server in TOKENFLIGHT_PG_BIN, PATH or /usr/lib/postgresql: `cargo xtask servers`";
        assert!(env::var_os("CI").is_none(), "{left_out}");
        // The harness captures what is printed, but not what is written.
        use std::io::Write;
        let _ = writeln!(std::io::stderr(), "skipped: {left_out}");
    }
    found
}

fn named() -> Option<PathBuf> {
    let folder = env::var_os("TOKENFLIGHT_PG_BIN").filter(|folder| !folder.is_empty()).map(PathBuf::from)?;
    let programs = PROGRAMS.join(", ");
    assert!(is_complete(&folder), "TOKENFLIGHT_PG_BIN={} has not all of {programs}", folder.display());
    Some(folder)
}

fn on_path() -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).find(|folder| is_complete(folder))
}

/// `/usr/lib/postgresql/<version>/bin`, which are not on `PATH`.
fn debian() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let version = |path: &Path| path.file_name()?.to_str()?.parse::<u32>().ok();
    let mut versions: Vec<_> = versions.filter_map(|entry| Some((version(&entry.path())?, entry.path()))).collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, path)| path.join("bin")).find(|folder| is_complete(folder))
}

fn is_complete(folder: &Path) -> bool {
    PROGRAMS.iter().all(|program| folder.join(program).is_file())
}
