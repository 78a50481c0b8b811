use std::process::ExitCode;

use super::{exec, folder, login, logout, manual, soak, status, token};
use crate::{
    args::{Args, Command, Hidden, HiddenCommand, Postgres},
    config::File,
    helper,
    problem::Problem,
    token::run_refresher,
};

/// Does what was asked for.
pub(crate) fn run(args: Args) -> Result<ExitCode, Problem> {
    // They need no configuration, and work where it is damaged.
    match args.command {
        Command::Completions { shell } => return manual::completions(shell),
        Command::Postgres(Postgres::Schema) => return manual::schema(),
        _ => {}
    }
    let file = File::read(args.place)?;
    match args.command {
        Command::Login(login) => login::run(&file, *login.0),
        Command::Token(token) => token::run(&file.profile()?, &token),
        Command::Exec(exec) => exec::run(&file.profile()?, *exec.0),
        Command::Status(status) => status::run(&file, &status.0),
        Command::Logout(logout) => logout::run(&file.profile()?, &logout.0),
        Command::Soak(soak) => soak::run(&file.profile()?, &soak.0),
        Command::Helper(helper) => helper::run(&file, &helper),
        Command::Adopt => folder::adopt(&file.profile()?),
        Command::Release => folder::release(&file.profile()?),
        Command::Completions { .. } | Command::Postgres(_) => Ok(ExitCode::SUCCESS),
    }
}

/// Does what no person asks for.
pub(crate) fn run_hidden(hidden: Hidden) -> Result<ExitCode, Problem> {
    match hidden.command {
        HiddenCommand::Refresh { seen } => run_refresher(&File::read(hidden.place)?.profile()?, &seen),
        HiddenCommand::Man { folder } => manual::pages(&folder),
    }
}
