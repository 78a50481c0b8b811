//! Four clients against an authorization server that rotates refresh tokens: who keeps the session?
//!
//! `cargo race`, and then look at `target/race.svg`.

use std::process::ExitCode;

use clap::Parser;
use tokenflight_examples::race::{Options, run};

fn main() -> ExitCode {
    run(&Options::parse())
}
