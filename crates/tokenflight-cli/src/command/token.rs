//! `tokenflight token`.

use std::process::ExitCode;

use crate::{
    args::Token,
    config::Profile,
    problem::Problem,
    terminal::say,
    token::{Wish, obtain, print, text},
};

pub(super) fn run(profile: &Profile, asked: &Token) -> Result<ExitCode, Problem> {
    let wish = Wish { freshness: asked.freshness.clone(), newer: asked.refresh, cached: asked.cached };
    let (stored, warning) = obtain(profile, &wish)?;
    if let Some(warning) = warning {
        say(&format!("tokenflight: {warning}"));
    }
    print(&text(&stored, asked.format))?;
    Ok(ExitCode::SUCCESS)
}
