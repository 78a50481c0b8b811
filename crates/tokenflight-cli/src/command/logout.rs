//! `tokenflight logout`.

use std::{process::ExitCode, time::Duration};

use tokenflight::{GrantError, Revocation, Session, grant_fn};

use crate::{
    args::Logout,
    config::Profile,
    problem::Problem,
    server,
    terminal::say,
    token::{forget_refusal, forget_report, session},
};

/// How long the store has to take the logout.
const STORING: Duration = Duration::from_secs(30);

pub(super) fn run(profile: &Profile, asked: &Logout) -> Result<ExitCode, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Problem::io("starting the runtime", &error))?;
    let revocation = runtime.block_on(async {
        let session = match asked.local {
            true => local(profile)?,
            false => session(profile, server::endpoint(profile).await?.refresh_token())?,
        };
        let revocation = session.run_until(STORING, session.logout()).await;
        revocation.map_err(|error| Problem::session(&profile.name, &error))
    })?;
    forget_report(profile);
    forget_refusal(profile);
    let name = &profile.name;
    match revocation {
        Revocation::Nothing => say(&format!("profile `{name}` was not logged in")),
        Revocation::Revoked if asked.local => {
            say(&format!("profile `{name}` is logged out here; the server was not told"));
        }
        Revocation::Revoked => say(&format!("profile `{name}` is logged out")),
        Revocation::Failed(error) => {
            let why = crate::problem::chain(&error);
            return Err(Problem::later(format!(
                "profile `{name}` is logged out here, but the server may still honour its refresh token: {why}"
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A session that knows no server.
fn local(profile: &Profile) -> Result<Session, Problem> {
    session(profile, grant_fn(|_| async { Err(GrantError::config("this session only forgets")) }))
}
