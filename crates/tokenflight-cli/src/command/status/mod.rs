//! `tokenflight status`: what is stored, who may refresh, what hinders it, what command cures it.

mod facts;
mod show;

use std::process::ExitCode;

use self::facts::Facts;
use crate::{args::Status, config::File, problem::Problem, token::print};

pub(super) fn run(file: &File, asked: &Status) -> Result<ExitCode, Problem> {
    let facts: Vec<Facts> = file.asked()?.iter().map(Facts::gather).collect();
    let text = match asked.json {
        true => show::json(&facts)?,
        false => show::text(&facts),
    };
    print(&text)?;
    let code = facts.iter().find_map(|facts| facts.code).filter(|_| asked.check);
    Ok(code.map_or(ExitCode::SUCCESS, ExitCode::from))
}
