//! One profile.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use tokenflight::GrantKey;
use tokenflight_store_file::FileStore;

use super::Home;

/// What is written down of a profile. No secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    pub(crate) provider: Option<String>,
    pub(crate) tenant: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) token_endpoint: Option<String>,
    pub(crate) authorization_endpoint: Option<String>,
    pub(crate) device_endpoint: Option<String>,
    pub(crate) revocation_endpoint: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret_file: Option<PathBuf>,
    pub(crate) client_assertion_file: Option<PathBuf>,
    pub(crate) client_auth: Option<ClientAuthStyle>,
    pub(crate) scopes: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) audience: Option<String>,
    /// Further parameters of a login.
    pub(crate) login_parameters: std::collections::BTreeMap<String, String>,
    pub(crate) port: Option<u16>,
    /// Which hosts helpers answer.
    pub(crate) hosts: Vec<String>,
    pub(crate) git: Git,
    pub(crate) docker: Docker,
}

/// Where a client's secret goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientAuthStyle {
    Basic,
    Post,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Git {
    /// The user name that goes with the token as the password.
    pub(crate) username: Option<String>,
    pub(crate) scheme: Option<GitScheme>,
}

/// How git sends the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GitScheme {
    /// As a password: what most forges take.
    Basic,
    /// As a bearer token: git 2.46 and later.
    Bearer,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Docker {
    /// The user name that goes with the token as the password.
    pub(crate) username: Option<String>,
}

impl Settings {
    /// Whether helpers answer this host. It is compared as a whole, with its port unless that is
    /// the one of `https`; case does not count.
    pub(crate) fn lists(&self, host: &str) -> bool {
        let plain = |listed: &str| listed.strip_suffix(":443").unwrap_or(listed).eq_ignore_ascii_case(host);
        self.hosts.iter().any(|listed| plain(listed))
    }

    /// The scopes, as a request names them.
    pub(crate) fn scope(&self) -> Option<String> {
        (!self.scopes.is_empty()).then(|| self.scopes.join(" "))
    }
}

/// A profile and where its files are.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    home: Home,
}

impl Profile {
    pub(crate) fn new(name: &str, mut settings: Settings, home: &Home) -> Self {
        // As paths in a file are meant.
        let folder = home.config.parent().unwrap_or_else(|| Path::new(""));
        for file in [&mut settings.client_secret_file, &mut settings.client_assertion_file].into_iter().flatten() {
            *file = folder.join(&file);
        }
        Self { name: name.to_owned(), settings, home: home.clone() }
    }

    pub(crate) fn key(&self) -> GrantKey {
        GrantKey::new(self.name.as_str())
    }

    pub(crate) fn store(&self) -> FileStore {
        FileStore::in_dir(&self.home.state)
    }

    /// The folder of its state.
    pub(crate) fn folder(&self) -> &Path {
        &self.home.state
    }

    /// The file of profiles.
    pub(crate) fn config(&self) -> &Path {
        &self.home.config
    }

    /// A file of its state, beside the login.
    pub(crate) fn file(&self, kind: &str) -> PathBuf {
        self.home.state.join(format!("{}.{kind}", self.name))
    }
}
