//! `tokenflight token`.

use std::process::ExitCode;

use crate::{
    args::Token,
    config::Profile,
    problem::Problem,
    token::{Wish, fresh, print, text},
};

pub(super) fn run(profile: &Profile, asked: &Token) -> Result<ExitCode, Problem> {
    let wish = Wish { freshness: asked.freshness.clone(), newer: asked.refresh, cached: asked.cached };
    print(&text(&fresh(profile, &wish)?, asked.format))?;
    Ok(ExitCode::SUCCESS)
}
