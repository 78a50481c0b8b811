//! The profile that is logged in: the one in the file, or a new one from the command line.

use std::io::{self, Read};

use zeroize::Zeroizing;

use crate::{
    args::Login,
    config::{File, Profile, Settings},
    problem::Problem,
    server::keep_secret,
};

/// The profile, and whether it is to be written down.
pub(super) fn profile(file: &File, asked: &Login) -> Result<(Profile, bool), Problem> {
    let given = settings(asked)?;
    let is_given = given != Settings::default() || asked.client_secret_stdin;
    let Some(written) = file.written() else {
        if !is_given {
            return Err(file.profile().err().unwrap_or_else(|| Problem::usage("there is no such profile")));
        }
        let mut profile = Profile::new(file.name(), given, &file.home);
        if asked.client_secret_stdin {
            profile.settings.client_secret_file = Some(keep_secret(&profile, &from_stdin()?)?);
        }
        return Ok((profile, true));
    };
    if asked.client_secret_stdin {
        let kept = keep_secret(&written, &from_stdin()?)?;
        if written.settings.client_secret_file.as_ref() != Some(&kept) {
            return Err(Problem::usage(format!(
                "the profile `{}` does not use the secret that was kept",
                written.name
            ))
            .help(format!("add `client_secret_file = \"{}\"` to it", kept.display())));
        }
    }
    let given = Profile::new(&written.name, given, &file.home).settings;
    if given != Settings::default() && given != written.settings {
        let (name, file) = (&written.name, file.home.config.display());
        return Err(Problem::usage(format!("the profile `{name}` is in {file} already, and says something else"))
            .help("change it there, or take another name with `--profile`"));
    }
    Ok((written, false))
}

fn settings(asked: &Login) -> Result<Settings, Problem> {
    // Relative to where the command runs; in the file they would be relative to it.
    let absolute = |path: &std::path::PathBuf| {
        std::path::absolute(path).map_err(|error| Problem::usage(format!("{}: {error}", path.display())))
    };
    Ok(Settings {
        provider: asked.provider.clone(),
        tenant: asked.tenant.clone(),
        issuer: asked.issuer.clone(),
        token_endpoint: asked.token_endpoint.clone(),
        authorization_endpoint: asked.authorization_endpoint.clone(),
        device_endpoint: asked.device_endpoint.clone(),
        revocation_endpoint: asked.revocation_endpoint.clone(),
        client_id: asked.client_id.clone(),
        client_secret_file: asked.client_secret_file.as_ref().map(absolute).transpose()?,
        client_assertion_file: asked.client_assertion_file.as_ref().map(absolute).transpose()?,
        scopes: asked.scopes.clone(),
        resources: asked.resources.clone(),
        audience: asked.audience.clone(),
        port: asked.port,
        hosts: asked.hosts.clone(),
        ..Settings::default()
    })
}

fn from_stdin() -> Result<Zeroizing<String>, Problem> {
    const MOST: usize = 64 * 1024;
    let mut text = Zeroizing::new(String::with_capacity(MOST));
    let read = io::stdin().lock().take(MOST as u64).read_to_string(&mut text);
    read.map_err(|error| Problem::io("reading the client's secret", &error))?;
    match text.trim().is_empty() {
        true => Err(Problem::usage("--client-secret-stdin: there is no secret on standard input")),
        false => Ok(text),
    }
}
