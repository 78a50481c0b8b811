//! docker's credential helpers: an operation as a word, a server on standard input
//! (docker-credential-helpers).
//!
//! The user is never `<token>`: docker would take the secret for a refresh token and present it.

use std::process::ExitCode;

use serde_json::json;
use zeroize::Zeroizing;

use super::{
    asked::{expose, question, token},
    host,
};
use crate::{
    config::File,
    problem::{Code, Problem},
    token::print,
};

/// What the client compares with.
const NOT_FOUND: &str = "credentials not found in native keychain\n";

/// The user name that registries take with a token as the password.
const USER: &str = "oauth2";

const IDENTITY: &str = "<token>";

pub(super) fn run(file: &File, operation: &str) -> Result<ExitCode, Problem> {
    match operation {
        "get" => match get(file) {
            // Docker shows its user what comes on standard output.
            Err(problem) => print(&format!("tokenflight: {problem}\n")).map(|()| problem.code().into()),
            answered => answered,
        },
        "list" => print("{}\n").map(|()| ExitCode::SUCCESS),
        // A logout of docker's is none of the profile's.
        "erase" => Ok(ExitCode::SUCCESS),
        _ => Err(Problem::usage("tokens are not stored through docker; log in with `tokenflight login`")),
    }
}

fn get(file: &File) -> Result<ExitCode, Problem> {
    let server = question()?;
    let server = server.trim();
    let host = match server.contains("://") {
        true => host::of(server),
        // Docker names most registries without a scheme.
        false => server.split('/').next().and_then(|host| host::with_scheme("https", host)),
    };
    let Some(profile) = host.and_then(|host| file.for_host(&host)) else {
        print(NOT_FOUND)?;
        return Ok(Code::Unexpected.into());
    };
    let user = profile.settings.docker.username.as_deref().unwrap_or(USER);
    if user == IDENTITY {
        return Err(Problem::usage(
            "docker.username must not be `<token>`: docker would take the token for another kind",
        ));
    }
    let stored = token(&profile)?;
    let answer = json!({ "ServerURL": server, "Username": user, "Secret": expose(&stored) });
    print(&Zeroizing::new(format!("{answer}\n")))?;
    Ok(ExitCode::SUCCESS)
}
