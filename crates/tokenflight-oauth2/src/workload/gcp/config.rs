//! The configuration file, as AIP-4117 describes it.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;
use tokenflight_core::Secret;

use super::ExternalAccountError as Error;

/// What the file says, with everything checked that needs neither a client nor a clock.
pub(super) struct Config {
    pub(super) audience: String,
    pub(super) subject_type: String,
    pub(super) token_url: Option<String>,
    pub(super) impersonation: Option<Impersonation>,
    pub(super) source: Source,
    pub(super) client: Option<(String, Secret)>,
    pub(super) user_project: Option<String>,
    pub(super) universe: Option<String>,
}

pub(super) struct Impersonation {
    pub(super) url: String,
    pub(super) lifetime: Duration,
}

pub(super) enum Source {
    File { path: String, member: Option<String> },
    Url { url: String, headers: BTreeMap<String, String>, member: Option<String> },
    Executable { command: String, timeout: Duration, output: Option<String> },
}

/// The members of the file, whatever is right or wrong with them.
#[derive(Deserialize)]
struct Raw {
    r#type: String,
    audience: String,
    subject_token_type: String,
    token_url: Option<String>,
    service_account_impersonation_url: Option<String>,
    service_account_impersonation: Option<RawLifetime>,
    credential_source: RawSource,
    client_id: Option<String>,
    client_secret: Option<String>,
    workforce_pool_user_project: Option<String>,
    universe_domain: Option<String>,
}

#[derive(Deserialize)]
struct RawLifetime {
    token_lifetime_seconds: Option<u64>,
}

#[derive(Deserialize)]
struct RawSource {
    file: Option<String>,
    url: Option<String>,
    headers: Option<BTreeMap<String, String>>,
    format: Option<RawFormat>,
    executable: Option<RawExecutable>,
    environment_id: Option<String>,
    certificate: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct RawFormat {
    r#type: Option<String>,
    subject_token_field_name: Option<String>,
}

#[derive(Deserialize)]
struct RawExecutable {
    command: String,
    timeout_millis: Option<u64>,
    output_file: Option<String>,
}

/// Google's bounds for service accounts' tokens, and the usual lifetime, in seconds.
const LIFETIMES: std::ops::RangeInclusive<u64> = 600..=43_200;
const LIFETIME: u64 = 3_600;
/// The bounds that AIP-4117 has for commands, and the usual time, in milliseconds.
const TIMEOUTS: std::ops::RangeInclusive<u64> = 5_000..=120_000;
const TIMEOUT: u64 = 30_000;

impl Config {
    pub(super) fn read(json: &str) -> Result<Self, Error> {
        // The text of a parser's error may repeat a value, so only its place is told.
        let raw: Raw = serde_json::from_str(json)
            .map_err(|error| Error::malformed(format!("line {}, column {}", error.line(), error.column())))?;
        if raw.r#type != "external_account" {
            return Err(Error::malformed("its `type` is not `external_account`"));
        }
        if raw.audience.is_empty() || raw.subject_token_type.is_empty() {
            return Err(Error::malformed("`audience` and `subject_token_type` must not be empty"));
        }
        let workforce = raw.audience.contains("/workforcePools/");
        if raw.workforce_pool_user_project.is_some() && !workforce {
            return Err(Error::malformed("`workforce_pool_user_project` is for workforce pools"));
        }
        let lifetime = raw.service_account_impersonation.and_then(|told| told.token_lifetime_seconds);
        let lifetime = lifetime.unwrap_or(LIFETIME);
        if !LIFETIMES.contains(&lifetime) {
            return Err(Error::malformed("`token_lifetime_seconds` lies between 600 and 43200"));
        }
        let lifetime = Duration::from_secs(lifetime);
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let client = match (given(raw.client_id), given(raw.client_secret)) {
            (Some(id), secret) => Some((id, Secret::new(secret.unwrap_or_default()))),
            (None, Some(_)) => return Err(Error::malformed("`client_secret` is there, and `client_id` is not")),
            (None, None) => None,
        };
        Ok(Self {
            audience: raw.audience,
            subject_type: raw.subject_token_type,
            token_url: given(raw.token_url),
            impersonation: given(raw.service_account_impersonation_url).map(|url| Impersonation { url, lifetime }),
            source: Source::read(raw.credential_source)?,
            client,
            user_project: given(raw.workforce_pool_user_project),
            universe: given(raw.universe_domain),
        })
    }

    /// Whether the identity is a JWT, of which half must not be presented.
    pub(super) fn presents_jwt(&self) -> bool {
        self.subject_type.ends_with(":jwt") || self.subject_type.ends_with(":id_token")
    }

    /// The service account's address, as it stands in the URL that impersonates it.
    pub(super) fn impersonated(&self) -> Option<&str> {
        let url = &self.impersonation.as_ref()?.url;
        url.rsplit_once('/')?.1.split_once(':').map(|(email, _)| email)
    }
}

impl Source {
    fn read(raw: RawSource) -> Result<Self, Error> {
        if raw.environment_id.is_some_and(|id| id.starts_with("aws")) {
            return Err(Error::Unsupported("signed requests of AWS"));
        }
        if raw.certificate.is_some() {
            return Err(Error::Unsupported("X.509 certificates"));
        }
        let member = RawFormat::member(raw.format)?;
        match (raw.file, raw.url, raw.executable) {
            (Some(path), None, None) => Ok(Self::File { path, member }),
            (None, Some(url), None) => Ok(Self::Url { url, headers: raw.headers.unwrap_or_default(), member }),
            (None, None, Some(executable)) => executable.read(),
            (None, None, None) => Err(Error::malformed("`credential_source` names no source that is known")),
            _ => Err(Error::malformed("`credential_source` names more than one source")),
        }
    }
}

impl RawFormat {
    fn member(format: Option<Self>) -> Result<Option<String>, Error> {
        let Some(format) = format else { return Ok(None) };
        match (format.r#type.as_deref(), format.subject_token_field_name) {
            (None | Some("text"), _) => Ok(None),
            (Some("json"), Some(name)) if !name.is_empty() => Ok(Some(name)),
            (Some("json"), _) => Err(Error::malformed("the format `json` needs a `subject_token_field_name`")),
            (Some(_), _) => Err(Error::malformed("`format` is neither `text` nor `json`")),
        }
    }
}

impl RawExecutable {
    fn read(self) -> Result<Source, Error> {
        let timeout = self.timeout_millis.unwrap_or(TIMEOUT);
        if self.command.trim().is_empty() || !TIMEOUTS.contains(&timeout) {
            return Err(Error::malformed("an `executable` has a `command`, and takes 5 to 120 seconds"));
        }
        let output = self.output_file.filter(|path| !path.is_empty());
        Ok(Source::Executable { command: self.command, timeout: Duration::from_millis(timeout), output })
    }
}
