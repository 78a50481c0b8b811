//! git's credential protocol: lines of `name=value` (git-credential(1)).
//!
//! `erase` is the only call by which any of these programs says that a token was refused: the next
//! `get` refreshes. It never logs out.

use std::process::ExitCode;

use zeroize::Zeroizing;

use super::{
    asked::{expose, question, token},
    host,
};
use crate::{
    config::{File, GitScheme, Profile},
    problem::Problem,
    token::{look, mark_refused, print},
};

/// The user name that most forges take with a token as the password.
const USER: &str = "oauth2";

pub(super) fn run(file: &File, operation: &str) -> Result<ExitCode, Problem> {
    let text = question()?;
    let asked = Question(&text);
    let host = asked.get("protocol").zip(asked.get("host")).and_then(|(scheme, host)| host::with_scheme(scheme, host));
    // To say nothing is to say "not found".
    let Some(profile) = host.and_then(|host| file.for_host(&host)) else { return Ok(ExitCode::SUCCESS) };
    match operation {
        "get" => print(&answer(&profile, &asked)?)?,
        "erase" => erase(&profile, &asked),
        // Nothing to store; and operations of later versions are to be passed over.
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

struct Question<'a>(&'a str);

impl Question<'_> {
    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.lines().filter_map(move |line| line.split_once('=').filter(|(known, _)| *known == name)).map(|(_, v)| v)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Whether git can send another scheme than Basic (2.46).
    fn knows_schemes(&self) -> bool {
        self.all("capability[]").any(|capability| capability == "authtype")
    }

    /// What the server offers, if git says so.
    fn offers(&self, scheme: &str) -> bool {
        let is =
            |challenge: &str| challenge.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
        self.all("wwwauth[]").any(is)
    }
}

fn answer(profile: &Profile, asked: &Question<'_>) -> Result<Zeroizing<String>, Problem> {
    let stored = token(profile)?;
    let expires = stored.expires().map_or_else(String::new, |end| format!("password_expiry_utc={}\n", end.as_secs()));
    let settings = &profile.settings.git;
    let bearer = match settings.scheme {
        Some(scheme) => scheme == GitScheme::Bearer,
        None => asked.offers("Bearer") && !asked.offers("Basic"),
    };
    let secret = expose(&stored);
    Ok(Zeroizing::new(if bearer && asked.knows_schemes() {
        format!("capability[]=authtype\nauthtype=Bearer\ncredential={secret}\nephemeral=1\n{expires}")
    } else {
        let user = settings.username.as_deref().or_else(|| asked.get("username")).unwrap_or(USER);
        format!("username={user}\npassword={secret}\n{expires}")
    }))
}

/// A server refused this.
fn erase(profile: &Profile, asked: &Question<'_>) {
    let refused = asked.get("credential").or_else(|| asked.get("password"));
    if let (Some(refused), Ok(stored)) = (refused, look(profile)) {
        mark_refused(profile, &stored, refused);
    }
}
