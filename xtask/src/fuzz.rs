//! Fuzzing with libFuzzer on the stable compiler: the coverage it needs are ordinary flags of code generation.

use std::{env, fs, process::Command};

use crate::cargo::{Cargo, root, target_dir};

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

/// Every target for `TOKENFLIGHT_FUZZ_SECONDS`, or a minute. What it finds interesting is kept beside the build.
pub(crate) fn targets() -> Vec<Cargo> {
    let seconds = env::var("TOKENFLIGHT_FUZZ_SECONDS").unwrap_or_else(|_| "60".to_owned());
    TARGETS.iter().map(|(target, length)| run(target, *length, &seconds)).collect()
}

fn run(target: &str, length: u32, seconds: &str) -> Cargo {
    let build = target_dir("fuzz");
    let corpus = build.join("corpus").join(target);
    // If it cannot be made, libFuzzer says so.
    let _ = fs::create_dir_all(&corpus);
    // For a named target the flags are not those of build scripts, which libFuzzer is not linked to.
    let cargo = Cargo::new("run --release --manifest-path fuzz/Cargo.toml --target")
        .arg(host().unwrap_or_default())
        .args("--bin")
        .args(target)
        .args("--target-dir")
        .arg(build.display().to_string())
        .arg("--")
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-max_len={length}"))
        .args("-print_final_stats=1 -verbosity=0")
        .arg(corpus.display().to_string())
        .arg(root().join("fuzz/seeds").join(target).display().to_string())
        .flags("RUSTFLAGS", COVERAGE);
    // What a text is written with, which chance alone would take long to write.
    let dictionary = root().join("fuzz/dictionaries").join(target);
    if dictionary.exists() { cargo.arg(format!("-dict={}", dictionary.display())) } else { cargo }
}

/// The name of this machine's kind, as the compiler has it.
fn host() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())).arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned)
}
