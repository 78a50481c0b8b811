//! Where the figures come from: machine, versions, commit.

use std::{fmt::Write as _, fs, process::Command};

use crate::BoxError;

/// What decides what the figures are.
const CRATES: &str = "bytes criterion futures-util h2 http http-body-util hyper hyper-util tokio tower arc-swap";

pub(crate) fn describe() -> Result<String, BoxError> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    // The report itself is being written.
    let changed = !said("git", &["status", "--porcelain", "--", ":!docs/bench"])?.is_empty();
    let commit = said("git", &["log", "-1", "--format=%h of %cs"])?;
    let mut text = String::from("## Where\n\n");
    let _ = writeln!(text, "* machine: {}, {cores} cores, {}", model.unwrap_or("unknown"), said("uname", &["-srm"])?);
    let _ = writeln!(text, "* compiler: {}; release profile, no LTO", said("rustc", &["--version"])?);
    let _ = writeln!(text, "* commit: {commit}{}", if changed { ", with changes" } else { "" });
    let _ = writeln!(text, "* command: `cargo xtask bench --report`");
    let _ = writeln!(text, "* crates: {}", versions()?);
    text.push_str(
        "\nInstructions (callgrind) and allocations repeat to about 3 %; what is left is the state of the heap. Times do \
         not: the machine is shared, so only ratios within one table mean anything. A time is the median, with the two \
         figures between which it lies with 95 %.\n",
    );
    Ok(text)
}

fn said(program: &str, args: &[&str]) -> Result<String, BoxError> {
    let output = Command::new(program).args(args).output().map_err(|error| format!("{program}: {error}"))?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

fn versions() -> Result<String, BoxError> {
    let lock = fs::read_to_string("Cargo.lock").map_err(|error| format!("Cargo.lock: {error}"))?;
    let version = |name: &str| {
        let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
        rest.split_once('"').map(|(version, _)| format!("{name} {version}"))
    };
    Ok(CRATES.split(' ').filter_map(version).collect::<Vec<_>>().join(", "))
}
