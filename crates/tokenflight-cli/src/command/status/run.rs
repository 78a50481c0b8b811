use std::process::ExitCode;

use super::{facts::Facts, show};
use crate::{args::Status, config::File, problem::Problem, token::print};

pub(in crate::command) fn run(file: &File, asked: &Status) -> Result<ExitCode, Problem> {
    let facts: Vec<Facts> = file.asked()?.iter().map(Facts::gather).collect();
    let text = match asked.json {
        true => show::json(&facts)?,
        false => show::text(&facts),
    };
    print(&text)?;
    let code = facts.iter().find_map(|facts| facts.code).filter(|_| asked.check);
    Ok(code.map_or(ExitCode::SUCCESS, ExitCode::from))
}
