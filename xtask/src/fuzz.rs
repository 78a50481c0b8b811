//! Fuzzing with libFuzzer on the stable compiler: its coverage takes ordinary codegen flags.

use std::{env, fs, path::Path, process::Command};

use crate::cargo::{Cargo, root, target_dir};

/// Targets whose inputs are JSON get its pieces as a dictionary.
const JSON: &[&str] = &["answer", "device", "record", "sign"];

/// The targets, and how long their inputs may be: a challenge as long as a client takes headers.
const TARGETS: &[(&str, u32)] = &[
    ("answer", 512),
    ("callback", 512),
    ("challenge", 64 << 10),
    ("device", 512),
    ("encoding", 512),
    ("lifetime", 512),
    ("origin", 512),
    ("record", 4096),
    ("sign", 512),
];

const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Ccodegen-units=1 --cfg fuzzing";

/// Every target for `TOKENFLIGHT_FUZZ_SECONDS`, or a minute. What it finds interesting is kept
/// beside the build.
pub(crate) fn targets() -> Vec<Cargo> {
    let seconds = env::var("TOKENFLIGHT_FUZZ_SECONDS").unwrap_or_else(|_| "60".to_owned());
    TARGETS.iter().map(|(target, length)| run(target, *length, &seconds)).collect()
}

fn run(target: &str, length: u32, seconds: &str) -> Cargo {
    let corpus = target_dir("fuzz").join("corpus").join(target);
    // If it cannot be made, libFuzzer says so.
    let _ = fs::create_dir_all(&corpus);
    libfuzzer(root(), target, seconds)
        .arg(format!("-max_len={length}"))
        .args("-print_final_stats=1 -verbosity=0")
        .arg(corpus.display().to_string())
        .arg(root().join("fuzz/seeds").join(target).display().to_string())
}

/// A target of `tree`, for so many seconds. More options and the inputs follow.
pub(crate) fn libfuzzer(tree: &Path, target: &str, seconds: &str) -> Cargo {
    // For a named target flags are not those of build scripts, which libFuzzer is not linked to.
    let call = Cargo::new("run --release --manifest-path")
        .arg(tree.join("fuzz/Cargo.toml").display().to_string())
        .args("--target")
        .arg(host().unwrap_or_default())
        .args("--bin")
        .args(target)
        .args("--target-dir")
        .arg(target_dir("fuzz").display().to_string())
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .flags("RUSTFLAGS", COVERAGE);
    // What a text is written with, which chance alone would take long to write.
    let dictionary = tree.join("fuzz/dictionaries").join(if JSON.contains(&target) { "json" } else { target });
    if dictionary.exists() { call.arg(format!("-dict={}", dictionary.display())) } else { call }
}

/// The name of this machine's kind, as the compiler has it.
fn host() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}
