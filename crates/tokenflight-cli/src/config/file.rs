//! The file of profiles.

use std::{collections::BTreeMap, env, fs, io};

use serde::Deserialize;

use super::{DEFAULT, Home, Profile, Settings};
use crate::{args::Place, problem::Problem};

/// All profiles of a user. Tokens and secrets are not in it.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) home: Home,
    profiles: BTreeMap<String, Settings>,
    /// The profile that was named, by the command line or the environment.
    named: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    profile: BTreeMap<String, Settings>,
}

impl File {
    /// Reads it. One that does not exist has no profiles.
    pub(crate) fn read(place: Place) -> Result<Self, Problem> {
        let home = Home::find(place.config)?;
        let named = place.profile.or_else(|| env::var("TOKENFLIGHT_PROFILE").ok()).filter(|name| !name.is_empty());
        if let Some(name) = &named {
            check(name)?;
        }
        let text = match fs::read_to_string(&home.config) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => {
                return Err(Problem::refused(format!("reading {} failed: {error}", home.config.display())));
            }
        };
        let written: Written = toml::from_str(&text)
            .map_err(|error| Problem::usage(format!("{}, line {}", home.config.display(), wrong(&text, &error))))?;
        written.profile.keys().try_for_each(|name| check(name))?;
        Ok(Self { home, profiles: written.profile, named })
    }

    /// The name of the profile in question.
    pub(crate) fn name(&self) -> &str {
        self.named.as_deref().unwrap_or(DEFAULT)
    }

    /// Whether a profile was named.
    pub(crate) const fn is_named(&self) -> bool {
        self.named.is_some()
    }

    /// The profile in question, if it is written down.
    pub(crate) fn written(&self) -> Option<Profile> {
        self.get(self.name())
    }

    /// The profile in question.
    pub(crate) fn profile(&self) -> Result<Profile, Problem> {
        self.written().ok_or_else(|| {
            let (name, file) = (self.name(), self.home.config.display());
            let option = crate::problem::option(name);
            Problem::usage(format!("there is no profile `{name}` in {file}"))
                .help(format!("write it down there, or run `tokenflight login{option} --issuer … --client-id …`"))
        })
    }

    /// The profile in question if one was named, else all of them.
    pub(crate) fn asked(&self) -> Result<Vec<Profile>, Problem> {
        if self.is_named() || self.profiles.is_empty() {
            return Ok(vec![self.profile()?]);
        }
        Ok(self.profiles.keys().filter_map(|name| self.get(name)).collect())
    }

    /// The profile that answers for this host: the named one or any, if it lists the host.
    pub(crate) fn for_host(&self, host: &str) -> Option<Profile> {
        let names = self.profiles.iter().filter(|(name, _)| !self.is_named() || *name == self.name());
        let (name, _) = names.into_iter().find(|(_, settings)| settings.lists(host))?;
        self.get(name)
    }

    /// The profile of this name, if it lists the host.
    pub(crate) fn for_host_by(&self, host: &str, name: &str) -> Option<Profile> {
        self.get(name).filter(|profile| profile.settings.lists(host))
    }

    fn get(&self, name: &str) -> Option<Profile> {
        let settings = self.profiles.get(name)?;
        Some(Profile::new(name, settings.clone(), &self.home))
    }
}

/// The line, and what is wrong with it. Words that quote a value are left out: it may be a secret
/// that was put there by mistake.
fn wrong(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let why = Some(error.message()).filter(|message| message.starts_with("unknown field"));
    format!("{}: {}", before.matches('\n').count() + 1, why.unwrap_or("no setting of a profile, or of a wrong type"))
}

/// Names become names of files, also where case does not count.
fn check(name: &str) -> Result<(), Problem> {
    let plain = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || matches!(char, '.' | '_' | '-');
    match name.chars().all(plain) && name.starts_with(|char: char| char.is_ascii_alphanumeric()) && name.len() <= 64 {
        true => Ok(()),
        false => Err(Problem::usage(format!(
            "`{}` is no name of a profile: at most 64 of a-z, 0-9, `.`, `_` and `-`, a letter or digit first",
            name.escape_debug()
        ))),
    }
}
