use std::{fmt, sync::Arc};

use form_urlencoded::byte_serialize;
use tokenflight_core::{Grant, Time};

use super::{
    CommandLine, ExternalAccountError as Error, Impersonated,
    config::{Config, Source},
    executable::{Executable, Run},
    trust::Trust,
};
use crate::{
    BoxError, ClientAuth, OAuthGrant, TokenClient, TokenEndpoint,
    auth::{Assertions, TokenFile, UrlSource},
};

const PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// An external account: what an identity of another platform is exchanged for, and where that
/// identity is found (AIP-4117).
pub struct ExternalAccount {
    config: Config,
    trust: Trust,
    scopes: Vec<String>,
    run: Option<Run>,
}

impl ExternalAccount {
    /// Reads the file that `gcloud iam workload-identity-pools create-cred-config` writes.
    ///
    /// # Errors
    ///
    /// [`Malformed`](Error::Malformed) or [`Unsupported`](Error::Unsupported). Nothing is acted on.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        Ok(Self { config: Config::read(json)?, trust: Trust::default(), scopes: Vec::new(), run: None })
    }

    /// A scope of the tokens; may be called several times. Default: `cloud-platform`.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }

    /// Names the universe that the account belongs to, if it is not `googleapis.com`.
    #[must_use]
    pub fn universe_domain(mut self, universe: impl Into<String>) -> Self {
        self.trust.universe = Some(universe.into());
        self
    }

    /// Believes every address of the file, as far as it is `https`. The writer of the file then
    /// decides where the identity of this workload goes.
    #[must_use]
    pub const fn trust_urls(mut self) -> Self {
        self.trust.urls = true;
        self
    }

    /// How a command of the file is run: a function from the command to what it wrote to its
    /// standard output. Nothing here starts processes. The variable
    /// `GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES` must be `1` as well.
    ///
    /// ```
    /// # use tokenflight_oauth2::workload::gcp::{CommandLine, ExternalAccount};
    /// # fn example(account: ExternalAccount) -> ExternalAccount {
    /// account.allow_executables(|command: CommandLine| async move {
    ///     let mut words = command.line().split_whitespace();
    ///     let program = words.next().ok_or("an empty command")?;
    ///     // In a service: `tokio::process`, which does not block the executor.
    ///     let output = std::process::Command::new(program).args(words).envs(command.variables()).output()?;
    ///     Ok(output.stdout)
    /// })
    /// # }
    /// ```
    #[must_use]
    pub fn allow_executables<F, Fut>(mut self, run: F) -> Self
    where
        F: Fn(CommandLine) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Vec<u8>, BoxError>> + Send + 'static,
    {
        self.run = Some(Box::new(move |command| Box::pin(run(command))));
        self
    }

    /// The grant. `client` reaches Google's services and a source's address that the file names.
    ///
    /// # Errors
    ///
    /// [`ExternalAccountError`](Error), before anything is sent, read or run.
    pub fn grant(self, client: impl TokenClient, time: Arc<dyn Time>) -> Result<Arc<dyn Grant>, Error> {
        let Self { config, trust, scopes, run } = self;
        let Config { source, token_url, .. } = &config;
        let universe = trust.universe(config.universe.as_deref())?;
        let token_url = token_url.clone().unwrap_or_else(|| format!("https://sts.{universe}/v1/token"));
        trust.address("token_url", &token_url, "sts", universe)?;
        if let Some(impersonation) = &config.impersonation {
            trust.address("service_account_impersonation_url", &impersonation.url, "iamcredentials", universe)?;
        }
        let scope = if scopes.is_empty() { PLATFORM.to_owned() } else { scopes.join(" ") };
        let endpoint = TokenEndpoint::new(&token_url, client.clone())?.time(Arc::clone(&time));
        let exchange = match source {
            Source::File { path, member } => {
                let file = member.iter().fold(TokenFile::new(path, Arc::clone(&time)), TokenFile::json);
                exchange(&config, endpoint, if config.presents_jwt() { file } else { file.opaque() })
            }
            Source::Url { url, headers, member } => {
                let mut source = UrlSource::new(url, client.clone(), Arc::clone(&time))?;
                for (name, value) in headers {
                    source = source.header(name, value)?;
                }
                exchange(&config, endpoint, member.iter().fold(source, UrlSource::json))
            }
            Source::Executable { command, timeout, output } => {
                let run = run.filter(|_| executables_allowed()).ok_or(Error::ExecutablesForbidden)?;
                let command = CommandLine::new(command, *timeout, output.as_deref(), &config);
                exchange(&config, endpoint, Executable::new(command, output.as_deref(), run, Arc::clone(&time)))
            }
        };
        let Some(impersonation) = config.impersonation else { return Ok(Arc::new(exchange.scope(scope))) };
        let sts = exchange.scope(PLATFORM).assertion();
        let grant = Impersonated::new(&impersonation.url, sts, client, time)?;
        Ok(Arc::new(grant.scope(scope).lifetime(impersonation.lifetime)))
    }
}

/// The exchange at the security token service (RFC 8693).
fn exchange(config: &Config, endpoint: TokenEndpoint, source: impl Assertions) -> OAuthGrant {
    let auth = match &config.client {
        Some((id, secret)) => ClientAuth::basic(id, secret.expose()),
        None => ClientAuth::none(),
    };
    let grant = endpoint.client(auth).token_exchange(&config.subject_type, source);
    let grant = grant.audience(&config.audience).parameter("requested_token_type", ACCESS_TOKEN);
    match &config.user_project {
        // A client of its own has a project of its own.
        Some(project) if config.client.is_none() => {
            let options = serde_json::json!({ "userProject": project }).to_string();
            grant.parameter("options", byte_serialize(options.as_bytes()).collect::<String>())
        }
        _ => grant,
    }
}

fn executables_allowed() -> bool {
    std::env::var("GOOGLE_EXTERNAL_ACCOUNT_ALLOW_EXECUTABLES").is_ok_and(|value| value == "1")
}

impl fmt::Debug for ExternalAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExternalAccount")
            .field("audience", &self.config.audience)
            .field("trust", &self.trust)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
