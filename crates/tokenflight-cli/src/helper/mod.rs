//! Programs that ask for credentials. Each is answered for the hosts that a profile lists, and told "not found" for
//! others.

mod cargo;
mod docker;
mod git;
mod host;
mod kubectl;
mod setup;
mod terraform;

use std::{
    io::{self, Read},
    process::ExitCode,
};

use zeroize::Zeroizing;

use crate::{
    args::Helper,
    config::{File, Profile},
    problem::Problem,
    terminal::say,
    token::{Stored, Wish, obtain},
};

pub(crate) fn run(file: &File, helper: &Helper) -> Result<ExitCode, Problem> {
    match helper {
        Helper::Git { operation } => git::run(file, operation),
        Helper::Cargo => cargo::run(file),
        Helper::Kubectl => kubectl::run(file),
        Helper::Docker { operation } => docker::run(file, operation),
        Helper::Terraform { operation, host } => terraform::run(file, operation, host),
        Helper::Setup { program } => setup::run(file, *program),
    }
}

/// The longest question of any program.
const MOST: usize = 64 * 1024;

/// What the program says on standard input, to its end.
fn question() -> Result<Zeroizing<String>, Problem> {
    let mut text = Zeroizing::new(String::with_capacity(MOST));
    let read = io::stdin().lock().take(MOST as u64).read_to_string(&mut text);
    read.map_err(|error| Problem::io("reading the question", &error))?;
    Ok(text)
}

/// A token for this profile, and what is to be said about it.
fn token(profile: &Profile) -> Result<Stored, Problem> {
    let (stored, warning) = obtain(profile, &Wish::usual())?;
    if let Some(warning) = warning {
        say(&format!("tokenflight: {warning}"));
    }
    Ok(stored)
}

fn expose(stored: &Stored) -> &str {
    stored.access.as_ref().map_or("", |access| access.expose())
}
