//! How long `tokenflight token` takes from a stored token, from the start of the process to its
//! end, beside the start and the end of a process that does nothing.
//!
//! `cargo bench -p tokenflight-cli --bench cold`; with `--test` each runs once.

#![allow(clippy::unwrap_used)] // What cannot be prepared cannot be measured.

use std::{
    env, fs,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use serde_json::json;
use tokenflight::{Time, time::TokioTime};

const RUNS: usize = 500;

fn main() {
    let folder = env::temp_dir().join(format!("tokenflight-cold-{}", std::process::id()));
    prepare(&folder);
    let runs = if env::args().any(|word| word == "--test") { 1 } else { RUNS };
    let program = env!("CARGO_BIN_EXE_tokenflight");
    let token = || {
        let mut command = Command::new(program);
        command.arg("token").env_clear().env("HOME", &folder);
        command.env("XDG_CONFIG_HOME", folder.join("config")).env("XDG_STATE_HOME", folder.join("state"));
        command
    };
    measure("tokenflight token", runs, token);
    measure("true", runs, || Command::new("true"));
    let _ = fs::remove_dir_all(&folder);
}

/// A profile, and a record with a token that lives.
fn prepare(folder: &Path) {
    let (config, state) = (folder.join("config/tokenflight"), folder.join("state/tokenflight"));
    fs::create_dir_all(&config).unwrap();
    fs::create_dir_all(&state).unwrap();
    #[cfg(unix)]
    fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let profile = "[profile.default]\nissuer = \"https://as.example\"\nclient_id = \"me\"\nhosts = [\"git.example\"]\n";
    fs::write(config.join("config.toml"), profile).unwrap();
    let now = TokioTime::new().now().wall.as_millis() as u64;
    let record = json!({
        "v": 1, "op": "00000000000000000000000000000001", "epoch": 1, "login": "00000000000000000000000000000001",
        "rotation": 1, "set": "00000000000000000000000000000001", "state": "active",
        "access_token": "a".repeat(1_000), "refresh_token": "r".repeat(100), "lifetime": 3_600_000, "received": now,
        "issuer": "https://as.example", "client_id": "me", "key": "default",
    });
    fs::write(state.join("default.json"), record.to_string()).unwrap();
}

#[allow(clippy::disallowed_methods)] // What is measured is real time.
fn measure(name: &str, runs: usize, command: impl Fn() -> Command) {
    let mut times: Vec<Duration> = (0..runs)
        .map(|_| {
            let began = SystemTime::now();
            let status = command().stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
            assert!(status.success(), "{name}: {status}");
            began.elapsed().unwrap_or_default()
        })
        .collect();
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e3;
    println!("{name}: p50 {:.2} ms, p95 {:.2} ms, {runs} runs", at(50), at(95));
}
