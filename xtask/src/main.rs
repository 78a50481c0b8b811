//! `cargo xtask …`: the one place where this workspace's commands live.
//!
//! Each command is a list of steps. Every step is printed before it runs: what runs for hours shows
//! its output, what checks shows it only if it fails. A table at the end says what passed. A failed
//! step does not stop the others: one run shows everything that is wrong.

mod api;
mod bench;
mod built_on;
mod callgrind;
mod cargo;
mod circles;
mod columns;
mod compare;
mod copy;
mod counts;
mod facades;
mod faults;
mod floors;
mod fuzz;
mod guarantees;
mod libtest;
mod lint;
mod mutants;
mod peers;
mod planted;
mod platforms;
mod plugins;
mod prelude;
mod programs;
mod proof;
mod published;
mod report;
mod rust_version;
mod servers;
mod source;
mod step;
mod structure;
mod telemetry_cost;
mod test;
mod tokens;
mod weight;
mod words;

use std::{env, process::ExitCode};

use step::Report;

const HELP: &str = "\
cargo xtask <command>

  test            all tests, doc tests, the model checker's tests, and the structure of the source
  structure       the last of these alone; takes a second
  servers         installs the servers that tests start, and prints where they are
  lint            format, clippy, docs, dependencies, versions, the public interface
  api             writes the public interface of each library to docs/api, where a review sees what changes
  proof [name…] [-- args]
                  the long runs: all of them, or those named; --list names them; args go to the mutants
  bench [--short] [-- args]
                  the benches; --short runs each once, to see that it works; args go to criterion
  bench --counts  instructions and allocations, by callgrind (needs valgrind)
  bench --peers   the same for one call of other crates, in benches/peers, and what they cannot do
  bench --report  all of it, and a report with plots in docs/bench
  bench --compare REV
                  the same, beside another revision's
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut report = Report::new();
    let understood = match args.as_slice() {
        ["test"] => test::run(&mut report),
        ["structure"] => structure::run(&mut report),
        ["servers"] => servers::run(&mut report),
        ["api"] => {
            api::write(&mut report);
            true
        }
        ["lint"] => lint::run(&mut report),
        ["proof", names @ ..] => proof::run(names, &mut report),
        ["bench", args @ ..] => bench::run(args, &mut report),
        _ => false,
    };
    if !understood {
        eprint!("{HELP}");
        return ExitCode::from(2);
    }
    report.finish()
}
