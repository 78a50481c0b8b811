//! The command `tokenflight`: log in once, and every shell, script and credential helper has a fresh access token.
//!
//! Read in this order: `args` (what can be asked), `config` (profiles), `token` (how a token is had: `stored` without a
//! runtime, `renew` by a process of its own), `server` (the authorization server of a profile), `command`, `helper`.
#![forbid(unsafe_code)]

mod args;
mod clock;
mod command;
mod config;
mod helper;
mod private;
mod problem;
mod process;
mod server;
mod terminal;
mod token;

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use args::Args;
use clap::Parser;

fn main() -> ExitCode {
    let given: Vec<OsString> = args::expand(env::args_os().collect());
    if token::is_refresher(&given) {
        // First of all: what ends the caller and its terminal must not end a refresh.
        process::leave_session();
    }
    process::keep_memory_private();
    let args = match Args::try_parse_from(given) {
        Ok(args) => args,
        // Clap's own code of a wrong command line is 2 as well.
        Err(error) => error.exit(),
    };
    match command::run(args) {
        Ok(code) => code,
        Err(problem) => {
            // Without a place to write to, the code has to do.
            let _ = writeln!(io::stderr(), "tokenflight: {problem}");
            problem.code().into()
        }
    }
}
