use std::{process::ExitCode, time::Duration};

use tokenflight::TokenSet;
use tokenflight_oauth2::TokenEndpoint;

use super::{browser, device, flow::Flow, import, settings};
use crate::{
    args::Login,
    clock,
    config::{File, Profile, append},
    problem::Problem,
    server,
    terminal::{plain, say},
    token::{forget_refusal, forget_report, look, session},
};

/// How long the store has to take the login.
const STORING: Duration = Duration::from_secs(30);

pub(in crate::command) fn run(file: &File, asked: Login) -> Result<ExitCode, Problem> {
    let imported = asked.import.as_deref().map(import::read).transpose()?;
    let (profile, is_new) = settings::profile(file, &asked)?;
    // What keeps the login from being stored is better known before the person is asked.
    storable(&profile)?;
    server::forget(&profile);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Problem::io("starting the runtime", &error))?;
    runtime.block_on(async {
        let endpoint = server::endpoint(&profile).await?;
        let tokens = match imported {
            Some(tokens) => tokens,
            None => obtain(&profile, &endpoint, &asked).await?,
        };
        let session = session(&profile, endpoint.refresh_token())?;
        let stored = session.run_until(STORING, session.login(tokens)).await;
        stored.map_err(|error| Problem::session(&profile.name, &error))
    })?;
    forget_report(&profile);
    forget_refusal(&profile);
    if is_new {
        append(profile.config(), &profile.name, &profile.settings)
            .map_err(|error| Problem::io("the login is stored, but the profile could not be written down", &error))?;
        say(&format!("Profile `{}` was added to {}", profile.name, profile.config().display()));
    }
    told(&profile)?;
    Ok(ExitCode::SUCCESS)
}

/// A damaged record is replaced by the login, and so is a copied one.
fn storable(profile: &Profile) -> Result<(), Problem> {
    use tokenflight_store_file::FileError;
    match profile.store().status(&profile.key()) {
        Ok(_) | Err(FileError::Damaged { .. }) => Ok(()),
        Err(error) => Err(Problem::file(&profile.name, &error)),
    }
}

async fn obtain(profile: &Profile, endpoint: &TokenEndpoint, asked: &Login) -> Result<TokenSet, Problem> {
    match Flow::choose(profile, endpoint, asked)? {
        Flow::Device(url) => device::log_in(profile, endpoint, &url).await,
        Flow::Browser(url) => browser::log_in(profile, endpoint, &url, asked).await,
    }
}

/// What the person has now.
fn told(profile: &Profile) -> Result<(), Problem> {
    let stored = look(profile)?;
    let issuer = stored.issuer.as_deref().map_or_else(String::new, |issuer| format!(" at {}", plain(issuer)));
    say(&format!("Logged in{issuer} as profile `{}`.", profile.name));
    let lives = stored.left().map(clock::words);
    match (stored.renewable, lives) {
        (true, _) => {}
        (false, lives) => {
            let lives = lives.map_or_else(|| "when the token expires".to_owned(), |lives| format!("in {lives}"));
            say(&format!(
                "The server sent no refresh token: another login is needed {lives}. Many servers want the scope \
                 offline_access for one."
            ));
        }
    }
    Ok(())
}
