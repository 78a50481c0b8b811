//! `tokenflight adopt` and `tokenflight release`: what only a person can decide.

use std::process::ExitCode;

use tokenflight_store_file::Presenter;

use crate::{config::Profile, problem::Problem, terminal::say};

pub(super) fn adopt(profile: &Profile) -> Result<ExitCode, Problem> {
    let failed = |error| Problem::file(&profile.name, &error);
    let (store, key) = (profile.store(), profile.key());
    if !store.status(&key).map_err(failed)?.is_copy {
        say(&format!("profile `{}` is no copy: nothing was changed", profile.name));
        return Ok(ExitCode::SUCCESS);
    }
    store.adopt(&key).map_err(failed)?;
    say(&format!("profile `{}` refreshes from here now; the original must not any more", profile.name));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn release(profile: &Profile) -> Result<ExitCode, Problem> {
    let failed = |error| Problem::file(&profile.name, &error);
    let (store, key) = (profile.store(), profile.key());
    let holder = match store.status(&key).map_err(failed)?.presenter {
        Presenter::Alive { holder } => holder.as_deref().unwrap_or("another process").to_owned(),
        _ => {
            say(&format!("no process holds the turn of profile `{}`: nothing was changed", profile.name));
            return Ok(ExitCode::SUCCESS);
        }
    };
    store.release(&key).map_err(failed)?;
    say(&format!("the turn was taken from {holder}; end it, or two processes may present the same refresh token"));
    Ok(ExitCode::SUCCESS)
}
