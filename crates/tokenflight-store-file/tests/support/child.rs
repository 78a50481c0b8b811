//! Processes that are this very test binary, in another part.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The variable that makes a process a child, and says which part it plays.
const PART: &str = "TOKENFLIGHT_PART";

/// How often each kill is made in a proof.
pub(crate) const ROUNDS: &str = "TOKENFLIGHT_ROUNDS";

/// What a child says to its parent begins so. The test harness writes to the same pipe.
const MARK: &str = "@ ";

/// The part that this process plays, if it is a child.
pub(crate) fn part() -> Option<String> {
    env::var(PART).ok()
}

/// A variable that the parent has set.
pub(crate) fn given(name: &str) -> String {
    env::var(name).unwrap()
}

/// Tells the parent.
pub(crate) fn say(line: &str) {
    use std::io::Write;
    let mut out = std::io::stdout();
    writeln!(out, "{MARK}{line}").unwrap();
    out.flush().unwrap();
}

/// What a child has said.
pub(crate) fn said(output: &str) -> impl Iterator<Item = &str> {
    // The harness leaves its own line open.
    output.lines().filter_map(|line| line.split_once(MARK)).map(|(_, said)| said)
}

/// Says what a test left out. The harness captures what is printed, but not what is written.
pub(crate) fn skipped(what: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

/// The command that plays a part: it runs the test called `child`.
pub(crate) fn child(part: &str) -> Command {
    under(Command::new(env::current_exe().unwrap()), part)
}

fn under(mut command: Command, part: &str) -> Command {
    command.args(["--exact", "child", "--nocapture", "--test-threads=1"]).env(PART, part);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Where `strace` is: `TOKENFLIGHT_STRACE`, or found by `PATH`. Without it a test says in one line
/// what it left out, and a proof fails, as does a test where `CI` is set.
pub(crate) fn strace() -> Option<PathBuf> {
    let named = env::var_os("TOKENFLIGHT_STRACE").map(PathBuf::from);
    let found = named.or_else(|| {
        let path: OsString = env::var_os("PATH")?;
        env::split_paths(&path).map(|folder| folder.join("strace")).find(|file| file.is_file())
    });
    if found.is_none() {
        let needed = [ROUNDS, "CI"].into_iter().any(|name| env::var_os(name).is_some());
        assert!(!needed, "a proof needs strace, in PATH or TOKENFLIGHT_STRACE, and so does CI");
        skipped("no strace, in PATH or TOKENFLIGHT_STRACE; nothing was killed, stopped or made to fail");
    }
    found
}

/// The command that plays a part while `strace` watches what it does with these paths.
pub(crate) fn watched(strace: &Path, log: &Path, paths: &[PathBuf], options: &[String], part: &str) -> Command {
    let mut command = Command::new(strace);
    command.args(["-f", "-qq", "-o"]).arg(log).args(options);
    for path in paths {
        command.arg("-P").arg(path);
    }
    command.arg(env::current_exe().unwrap());
    under(command, part)
}
