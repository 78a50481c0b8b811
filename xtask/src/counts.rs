//! `cargo xtask bench --counts`: instructions for one request, which repeat where times do not.

use std::process::Command;

use crate::step::{Cargo, target_dir};

const CASES: [&str; 4] = ["fixed", "retry", "once", "bearer"];
const HEADERS: [u32; 3] = [0, 8, 20];

/// So many requests and three times as many: what the second run does more is what the requests cost.
const REQUESTS: u64 = 1000;

pub(crate) fn run() -> Result<(), String> {
    Cargo::new("build --release -p tokenflight-benches --bin counts").output()?;
    println!("\ninstructions for one request, net of the service and of making the request\n");
    println!(
        "{:>8}  {:>8} {:>8} {:>8} {:>8}   bearer/retry  once/fixed",
        "headers", "fixed", "retry", "once", "bearer"
    );
    for headers in HEADERS {
        let nothing = each("nothing", headers)?;
        let mut net = [0.0; CASES.len()];
        for (case, net) in CASES.iter().zip(&mut net) {
            *net = each(case, headers)? - nothing;
        }
        let [fixed, retry, once, bearer] = net;
        println!(
            "{headers:>8}  {fixed:>8.0} {retry:>8.0} {once:>8.0} {bearer:>8.0}   {:>12.2}  {:>10.2}",
            bearer / retry,
            once / fixed
        );
    }
    Ok(())
}

#[allow(clippy::cast_precision_loss)] // Some thousands.
fn each(case: &str, headers: u32) -> Result<f64, String> {
    let more = instructions(case, headers, 3 * REQUESTS)? - instructions(case, headers, REQUESTS)?;
    Ok(more as f64 / (2 * REQUESTS) as f64)
}

fn instructions(case: &str, headers: u32, requests: u64) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(target_dir("release").join("counts"))
        .args(["request", case, &headers.to_string(), &requests.to_string()])
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let count = said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    count.filter(|_| output.status.success()).ok_or_else(|| format!("valgrind said: {said}"))
}
