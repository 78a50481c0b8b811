use std::{env, fs, path::PathBuf, time::Duration};

use http::Uri;
use tokenflight::BoxError;
use tokenflight_oauth2::{
    ClientAuth,
    provider::{self, Provider},
};

use super::{Auth, Options, Way, api};

/// The variable that may hold the client's secret.
const SECRET: &str = "SOAK_CLIENT_SECRET";

/// [`Options`] that make sense, with the defaults filled in.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) server: Place,
    pub(super) client: ClientAuth,
    pub(super) provider: &'static Provider,
    pub(super) scope: Option<String>,
    pub(super) resource: Uri,
    pub(super) token_file: PathBuf,
    pub(super) login: Option<Login>,
    pub(super) workers: u16,
    pub(super) duration: Duration,
    pub(super) cancel: f64,
    pub(super) pause: Duration,
    pub(super) skew: Duration,
    /// After how long a used refresh token is presented again.
    pub(super) probe_grace: Option<Duration>,
    /// Whether the user agrees to that.
    pub(super) consent: bool,
}

/// Where the authorization server is.
#[derive(Debug)]
pub(super) enum Place {
    Issuer(String),
    TokenEndpoint(String),
}

/// The login that is to be made.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) way: Way,
    /// The endpoint that it begins at, if it is not the one in the issuer's metadata.
    pub(super) endpoint: Option<String>,
    /// What else the provider wants to be told, by name.
    pub(super) parameters: Vec<(String, String)>,
}

impl Login {
    fn new(way: Way, options: &mut Options) -> Result<Self, String> {
        let endpoint = match way {
            Way::Device => options.device_endpoint.take(),
            Way::Code => options.authorization_endpoint.take(),
        };
        let parameters: Option<Vec<_>> = options.login_parameter.iter().map(|text| parameter(text)).collect();
        let parameters = parameters.ok_or("--login-parameter must be NAME=VALUE")?;
        Ok(Self { way, endpoint, parameters })
    }

    /// What is said if it is not known where it begins.
    pub(super) fn missing(&self) -> String {
        format!("{} is missing, and there is no issuer whose metadata name it", self.flag())
    }

    /// The flag that names the endpoint.
    pub(super) const fn flag(&self) -> &'static str {
        match self.way {
            Way::Device => "--device-endpoint",
            Way::Code => "--authorization-endpoint",
        }
    }
}

impl Settings {
    pub(super) fn new(mut options: Options) -> Result<Self, BoxError> {
        let needed = |value: Option<String>, name: &str| value.ok_or_else(|| format!("--{name} is missing"));
        let server = match (options.issuer.take(), options.token_endpoint.take()) {
            (Some(issuer), None) => Place::Issuer(issuer),
            (None, Some(url)) => Place::TokenEndpoint(url),
            _ => return Err("either --issuer or --token-endpoint is needed".into()),
        };
        let login = options.login.map(|way| Login::new(way, &mut options)).transpose()?;
        let id = needed(options.client_id, "client-id")?;
        let auth = options.client_auth.unwrap_or(Auth::None);
        let provider = options.provider.unwrap_or_else(|| provider::UNKNOWN.name.to_owned());
        let workers = options.workers.unwrap_or(16);
        if !(1..=512).contains(&workers) {
            return Err("--workers must be between 1 and 512".into());
        }
        let cancel = options.cancel.unwrap_or(0.05);
        if !(0.0..1.0).contains(&cancel) {
            return Err("--cancel must be at least 0 and less than 1".into());
        }
        Ok(Self {
            server,
            client: client(id, auth, options.client_secret_file)?,
            provider: row(&provider)?,
            scope: options.scope,
            resource: resource(&needed(options.resource, "resource")?)?,
            token_file: options.token_file.ok_or("--token-file is missing")?,
            login,
            workers,
            duration: within(options.duration.unwrap_or(60.0), 1..=86_400, "duration")?,
            cancel,
            pause: within(options.pause.unwrap_or(0.2), 0..=3_600, "pause")?,
            skew: within(options.skew.unwrap_or(0.0), 0..=600, "skew")?,
            probe_grace: options.probe_grace.map(|after| within(after, 0..=600, "probe-grace")).transpose()?,
            consent: options.yes_end_my_session,
        })
    }
}

fn parameter(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=').filter(|(name, _)| !name.is_empty())?;
    Some((name.to_owned(), value.to_owned()))
}

fn within(seconds: f64, range: std::ops::RangeInclusive<u32>, name: &str) -> Result<Duration, String> {
    let (least, most) = (f64::from(*range.start()), f64::from(*range.end()));
    if (least..=most).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("--{name} must be between {least} and {most} seconds"))
    }
}

fn row(name: &str) -> Result<&'static Provider, String> {
    if name == provider::UNKNOWN.name {
        return Ok(provider::UNKNOWN);
    }
    provider::find(name).ok_or_else(|| {
        let known: Vec<&str> = provider::ALL.iter().map(|provider| provider.name).collect();
        format!("--provider must be one of unknown, {}", known.join(", "))
    })
}

/// An address that tokens may go to, without a user name, which would be a secret to keep. This is known before the user
/// logs in for nothing.
fn resource(url: &str) -> Result<Uri, BoxError> {
    let uri: Uri = url.parse().map_err(|_| "--resource is no URL")?;
    match uri.authority() {
        Some(authority) if uri.scheme().is_some() && !authority.as_str().contains('@') => {
            api::origins(&uri)?;
            Ok(uri)
        }
        _ => Err("--resource must be an absolute URL without a user name".into()),
    }
}

fn client(id: String, auth: Auth, file: Option<PathBuf>) -> Result<ClientAuth, BoxError> {
    let secret = || -> Result<String, BoxError> {
        let Some(path) = &file else {
            return env::var(SECRET).map_err(|_| format!("--client-secret-file is missing, and so is {SECRET}").into());
        };
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        // Editors end a file with a line break.
        Ok(text.trim_end_matches(['\r', '\n']).to_owned())
    };
    Ok(match auth {
        Auth::None => ClientAuth::public(id),
        Auth::Basic => ClientAuth::basic(id, secret()?),
        Auth::Post => ClientAuth::post(id, secret()?),
    })
}
