//! Counting instructions, which repeat where times do not.

use std::{path::Path, process::Command};

/// How many instructions a run of this program takes.
pub(crate) fn instructions(program: &Path, args: &[&str]) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(args)
        // Should it panic, one line says enough.
        .env("RUST_BACKTRACE", "0")
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    count.filter(|_| output.status.success()).ok_or_else(|| format!("{args:?}: valgrind said: {said}"))
}
