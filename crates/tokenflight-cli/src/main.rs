//! The command `tokenflight`: log in once, and every shell, script and credential helper has a
//! fresh access token.
//!
//! Read in this order: `args` (what can be asked), `config` (profiles), `token` (where a token
//! comes from: `stored` needs no runtime, `renew` a process of its own), `server` (the
//! authorization server of a profile), `command`, `helper`.
#![forbid(unsafe_code)]

mod args;
mod clock;
mod command;
mod config;
mod helper;
mod late;
mod private;
mod problem;
mod process;
mod server;
mod signals;
mod terminal;
mod token;

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use args::{Args, Hidden};
use clap::Parser;

fn main() -> ExitCode {
    let given: Vec<OsString> = args::expand(env::args_os().collect());
    let hidden = given.get(1).and_then(|word| word.to_str());
    if hidden == Some(token::REFRESHER) {
        // First of all: what ends the caller and its terminal must not end a refresh.
        process::leave_session();
    }
    process::keep_memory_private();
    // Clap ends a wrong command line with the code 2 as well.
    let done = match hidden {
        Some(token::REFRESHER | command::MANUAL) => command::run_hidden(Hidden::parse_from(given)),
        _ => command::run(Args::parse_from(given)),
    };
    match done {
        Ok(code) => code,
        Err(problem) => {
            // Without a place to write to, the code has to do.
            let _ = writeln!(io::stderr(), "tokenflight: {problem}");
            problem.code().into()
        }
    }
}
