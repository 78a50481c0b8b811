//! `tokenflight soak`: many workers ask the user's API with one login, and a report says what the
//! authorization server does with refreshes.
//!
//! The way through it: `probe` asks what a refresh does to the old token, `load` lets the workers
//! run, `tail` follows one token to its end, `grace` presents a used refresh token, if that was
//! asked for; `report` says what was seen. `books` has what the token endpoint was asked, and what
//! it answered; `api` is the way to the resource.
//!
//! Nothing must cost the user the login: it is the profile's, in the profile's store, which has
//! every new refresh token before it is used. An interrupt ends the workers, and no refresh.

mod alive;
mod api;
mod books;
mod grace;
mod interrupt;
mod load;
mod probe;
mod report;
mod stage;
mod tail;

use std::process::ExitCode;

use self::{alive::Alive, stage::Outcome};
use crate::{
    args::Soak,
    config::Profile,
    problem::{Code, Problem},
    server,
    token::{presentable, print, serviceable},
};

pub(super) fn run(profile: &Profile, asked: &Soak) -> Result<ExitCode, Problem> {
    let uri = api::resource(&asked.url)?;
    let row = server::row(&profile.settings)?;
    // What keeps the login from being used is better known before anything is sent.
    let login = serviceable(profile)?;
    if !login.renewable {
        return Err(Problem::login(&profile.name, login.why_not_renewable()));
    }
    presentable(profile)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Problem::io("starting the runtime", &error))?;
    let outcome = runtime.block_on(stage::hold(profile, asked, uri))?;
    print(&format!("{}\n", report::render(asked, row, &outcome)))?;
    outcome.stored.clone()?;
    Ok(code(&outcome).map_or(ExitCode::SUCCESS, ExitCode::from))
}

/// What went wrong that was not asked for.
fn code(outcome: &Outcome) -> Option<Code> {
    match &outcome.alive {
        Alive::No(_) => Some(Code::Login),
        Alive::Unclear(_) => Some(Code::Later),
        Alive::Yes => (outcome.counts.failed() > 0).then_some(Code::Unexpected),
    }
}
