//! Completions and pages of manual, made of the command line's own description; and what other
//! programs are given.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use clap::CommandFactory;

use crate::{args::Args, problem::Problem};

/// The hidden command for pages of manual.
pub(crate) const MANUAL: &str = "man";

const NAME: &str = "tokenflight";

pub(super) fn completions(shell: clap_complete::Shell) -> Result<ExitCode, Problem> {
    clap_complete::generate(shell, &mut Args::command(), NAME, &mut io::stdout());
    Ok(ExitCode::SUCCESS)
}

/// The table of the store in Postgres, as the crate of the store has it.
pub(super) fn schema() -> Result<ExitCode, Problem> {
    let written = io::stdout().write_all(tokenflight_store_postgres::SCHEMA.as_bytes());
    written.map_err(|error| Problem::io("writing the schema", &error))?;
    Ok(ExitCode::SUCCESS)
}

/// A page for the command, and one for each of its commands.
pub(super) fn pages(folder: &Path) -> Result<ExitCode, Problem> {
    let made = fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Args::command(), folder));
    made.map_err(|error| Problem::io("writing the pages of manual", &error))?;
    Ok(ExitCode::SUCCESS)
}
