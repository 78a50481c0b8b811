use std::process::{Command, ExitCode};

use crate::{
    args::{Exec, Format},
    config::Profile,
    problem::Problem,
    process::{become_command, hand_over},
    token::{Wish, fresh, text},
};

pub(in crate::command) fn run(profile: &Profile, asked: Exec) -> Result<ExitCode, Problem> {
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
        return super::file::run(profile, &wish, &asked.env, command);
    }
    let token = text(&fresh(profile, &wish)?, Format::Bare);
    match asked.fd {
        None => drop(command.env(&asked.env, token.trim_end())),
        Some(number) => hand_over(token.trim_end().as_bytes(), number)
            .map_err(|error| Problem::usage(format!("--fd {number}: {error}")))?,
    }
    let error = become_command(command);
    Err(Problem::not_run(program, &error))
}
