//! A stress test of your own provider and API: many workers, one login, and what the provider makes of it.
//!
//! `cargo run --release --example soak -- --help`. The run writes every renewed token into your token file before it is used.

use std::{
    io::{stderr, stdout},
    process::ExitCode,
};

use clap::Parser;
use tokenflight_example_soak::{Options, run};

fn main() -> ExitCode {
    run(Options::parse(), &mut stdout(), &mut stderr())
}
