use std::{fs, path::PathBuf};

use clap::{Parser, ValueEnum};
use serde::Deserialize;
use tokenflight::BoxError;

/// Points many workers at your own API with one login of yours, and tells how provider and session behave.
///
/// Every renewed token is in the token file before it is used. Let nothing else use that login meanwhile. Secrets are
/// taken from files or from the environment, never from the command line. The exit code is 0 only if no request failed
/// (cancelled ones aside) and the session is alive; 1 if not, 2 if the soak could not be made.
#[derive(Clone, Debug, Default, Parser, Deserialize)]
#[command(name = "soak", version, max_term_width = 100)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub struct Options {
    /// Takes from this TOML file what no flag says; its keys are the flags' names.
    #[arg(long, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// The authorization server's issuer, whose metadata name the token endpoint.
    #[arg(long, value_name = "URL", conflicts_with = "token_endpoint")]
    pub issuer: Option<String>,

    /// The token endpoint, instead of an issuer.
    #[arg(long, value_name = "URL")]
    pub token_endpoint: Option<String>,

    /// The client's id.
    #[arg(long, value_name = "ID")]
    pub client_id: Option<String>,

    /// How the client says who it is [default: none].
    #[arg(long, value_name = "STYLE")]
    pub client_auth: Option<Auth>,

    /// A file with the client's secret; without one the environment's SOAK_CLIENT_SECRET.
    #[arg(long, value_name = "FILE")]
    pub client_secret_file: Option<PathBuf>,

    /// What the workers GET, with a success if the token is good. It should be cheap, and change nothing.
    #[arg(long, value_name = "URL")]
    pub resource: Option<String>,

    /// The provider's row in tokenflight's table, such as `okta` [default: unknown].
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,

    /// The scope to ask for: with --login at the login, where many providers need `offline_access` in it for a refresh
    /// token; without it at a refresh, where none means all that was granted [default: none].
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<String>,

    /// The login: JSON as the token endpoint answers. Rewritten at every rotation.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Makes the login first, and puts it into the token file, which must not be there yet.
    #[arg(long, value_name = "WAY")]
    pub login: Option<Way>,

    /// Where --login device asks for its code, if no issuer's metadata say so.
    #[arg(long, value_name = "URL")]
    pub device_endpoint: Option<String>,

    /// Where --login code sends you, if no issuer's metadata say so.
    #[arg(long, value_name = "URL")]
    pub authorization_endpoint: Option<String>,

    /// What else --login tells the provider, such as `prompt=consent` or `access_type=offline`, without which some
    /// give no refresh token, or an `audience`. May be given more than once.
    #[arg(long, value_name = "NAME=VALUE")]
    pub login_parameter: Vec<String>,

    /// Workers, sending one request after another [1 to 512; default: 16].
    #[arg(long, value_name = "N")]
    pub workers: Option<u16>,

    /// How long the load lasts, in seconds [1 to 86400; default: 60].
    #[arg(long, value_name = "S")]
    pub duration: Option<f64>,

    /// About which share of the requests is given up by its caller, from 0 to below 1; fewer, where answers take a few
    /// milliseconds only [default: 0.05].
    #[arg(long, value_name = "SHARE")]
    pub cancel: Option<f64>,

    /// How long a worker pauses between two requests, in seconds, on average [0 to 3600; default: 0.2].
    #[arg(long, value_name = "S")]
    pub pause: Option<f64>,

    /// Taken off every token's lifetime, in seconds, for servers that end tokens early [0 to 600; default: 0].
    #[arg(long, value_name = "S")]
    pub skew: Option<f64>,

    /// At the very end, presents a used refresh token again so many seconds after it was used. May end the session, so it
    /// also needs --yes-end-my-session [0 to 600].
    #[arg(long, value_name = "SECONDS")]
    pub probe_grace: Option<f64>,

    /// Consents to --probe-grace. A file cannot.
    #[arg(long)]
    #[serde(skip)]
    pub yes_end_my_session: bool,
}

/// How the client says who it is at the token endpoint.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::exhaustive_enums)] // What flags can say.
pub enum Auth {
    /// Its id alone: a public client.
    None,
    /// Id and secret as HTTP Basic.
    Basic,
    /// Id and secret in the body.
    Post,
}

/// How a login is made.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::exhaustive_enums)] // What flags can say.
pub enum Way {
    /// By a code that is typed on any device.
    Device,
    /// In a browser on this machine. The provider must allow the redirect to http://127.0.0.1/callback, with any port.
    Code,
}

impl Options {
    /// Fills up from the file, if one is named.
    pub(super) fn with_file(mut self) -> Result<Self, BoxError> {
        let Some(path) = self.config.take() else { return Ok(self) };
        let named = |problem: String| format!("{}: {problem}", path.display());
        let text = fs::read_to_string(&path).map_err(|error| named(error.to_string()))?;
        // The error's own words quote the line, which may hold a secret that was put there by mistake.
        let file = toml::from_str::<Self>(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            named(format!("line {} is no setting of the soak, or has a wrong type", before.matches('\n').count() + 1))
        })?;
        Ok(self.over(file))
    }

    fn over(self, mut file: Self) -> Self {
        // A flag that names the server replaces all that the file says of where it is: a code of one server must not be
        // taken to the other.
        if self.issuer.is_some() || self.token_endpoint.is_some() {
            (file.issuer, file.token_endpoint) = (None, None);
            (file.device_endpoint, file.authorization_endpoint) = (None, None);
        }
        Self {
            config: None,
            issuer: self.issuer.or(file.issuer),
            token_endpoint: self.token_endpoint.or(file.token_endpoint),
            client_id: self.client_id.or(file.client_id),
            client_auth: self.client_auth.or(file.client_auth),
            client_secret_file: self.client_secret_file.or(file.client_secret_file),
            resource: self.resource.or(file.resource),
            provider: self.provider.or(file.provider),
            scope: self.scope.or(file.scope),
            token_file: self.token_file.or(file.token_file),
            login: self.login.or(file.login),
            device_endpoint: self.device_endpoint.or(file.device_endpoint),
            authorization_endpoint: self.authorization_endpoint.or(file.authorization_endpoint),
            login_parameter: if self.login_parameter.is_empty() { file.login_parameter } else { self.login_parameter },
            workers: self.workers.or(file.workers),
            duration: self.duration.or(file.duration),
            cancel: self.cancel.or(file.cancel),
            pause: self.pause.or(file.pause),
            skew: self.skew.or(file.skew),
            probe_grace: self.probe_grace.or(file.probe_grace),
            yes_end_my_session: self.yes_end_my_session,
        }
    }
}
