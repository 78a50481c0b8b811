use std::process::ExitCode;

use super::{
    alive::Alive,
    api, report,
    stage::{self, Outcome},
};
use crate::{
    args::Soak,
    config::Profile,
    problem::{Code, Problem},
    server,
    token::{presentable, print, serviceable},
};

pub(in crate::command) fn run(profile: &Profile, asked: &Soak) -> Result<ExitCode, Problem> {
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
