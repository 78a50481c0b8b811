//! `tokenflight exec`: a command with a token in its environment, on a descriptor, or in a file that is kept fresh.

mod file;

use std::{
    ffi::OsStr,
    io,
    process::{Command, ExitCode},
};

use crate::{
    args::{Exec, Format},
    config::Profile,
    problem::Problem,
    process::{become_command, hand_over},
    terminal::say,
    token::{Stored, Wish, obtain, text},
};

pub(super) fn run(profile: &Profile, asked: Exec) -> Result<ExitCode, Problem> {
    if asked.env.is_empty() || asked.env.contains(['=', '\0']) {
        return Err(Problem::usage(format!("--env: `{}` is no name of a variable", asked.env.escape_debug())));
    }
    let Some((program, words)) = asked.command.split_first() else {
        return Err(Problem::usage("there is no command to run"));
    };
    let mut command = Command::new(program);
    command.args(words);
    let wish = Wish { freshness: asked.freshness, newer: false, cached: false };
    if asked.file {
        return file::run(profile, &wish, &asked.env, command);
    }
    let token = text(&fresh(profile, &wish)?, Format::Bare);
    match asked.fd {
        None => drop(command.env(&asked.env, token.trim_end())),
        Some(number) => hand_over(token.trim_end().as_bytes(), number)
            .map_err(|error| Problem::usage(format!("--fd {number}: {error}")))?,
    }
    let error = become_command(command);
    Err(not_run(program, &error))
}

/// A token, with what is to be said about it.
fn fresh(profile: &Profile, wish: &Wish) -> Result<Stored, Problem> {
    let (stored, warning) = obtain(profile, wish)?;
    if let Some(warning) = warning {
        say(&format!("tokenflight: {warning}"));
    }
    Ok(stored)
}

fn not_run(program: &OsStr, error: &io::Error) -> Problem {
    Problem::usage(format!("`{}` cannot be run: {error}", program.display()))
}
