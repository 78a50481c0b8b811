//! A command that prints the identity (AIP-4117, "executable-sourced credentials").

use std::{fmt, fs::File, io::Read, path::PathBuf, sync::Arc, time::Duration};

use serde::Deserialize;
use tokenflight_core::{BoxFuture, Time};
use zeroize::Zeroizing;

use super::config::Config;
use crate::{
    BoxError,
    auth::{Assertion, Assertions, SourceError, Wanted},
};

/// A command that a configuration wants to have run, for the function that was given to
/// [`allow_executables`](super::ExternalAccount::allow_executables).
#[derive(Clone, Debug)]
pub struct CommandLine {
    line: String,
    variables: Vec<(String, String)>,
    timeout: Duration,
}

/// No response is larger.
const MOST: u64 = 64 * 1024;

pub(super) type Run = Box<dyn Fn(CommandLine) -> BoxFuture<'static, Result<Vec<u8>, BoxError>> + Send + Sync>;

impl CommandLine {
    pub(super) fn new(line: &str, timeout: Duration, output: Option<&str>, config: &Config) -> Self {
        let variable = |name: &str, value: &str| (format!("GOOGLE_EXTERNAL_ACCOUNT_{name}"), value.to_owned());
        let mut variables = vec![
            variable("AUDIENCE", &config.audience),
            variable("TOKEN_TYPE", &config.subject_type),
            variable("INTERACTIVE", "0"),
        ];
        variables.extend(config.impersonated().map(|email| variable("IMPERSONATED_EMAIL", email)));
        variables.extend(output.map(|path| variable("OUTPUT_FILE", path)));
        Self { line: line.to_owned(), variables, timeout }
    }

    /// The program and its arguments, as the file has them: words separated by spaces. It is no
    /// line for a shell.
    #[must_use]
    pub fn line(&self) -> &str {
        &self.line
    }

    /// The environment that the command expects, beside that of this process.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (&**name, &**value))
    }

    /// How long it may take. The future of the function is dropped after that.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }
}

/// The command as a source of assertions.
pub(super) struct Executable {
    command: CommandLine,
    output: Option<PathBuf>,
    run: Run,
    time: Arc<dyn Time>,
}

/// What a command prints, or leaves in its output file.
#[derive(Deserialize)]
struct Response {
    version: u32,
    success: bool,
    token_type: Option<String>,
    id_token: Option<Zeroizing<String>>,
    saml_response: Option<Zeroizing<String>>,
    expiration_time: Option<u64>,
    code: Option<String>,
    message: Option<String>,
}

impl Executable {
    pub(super) fn new(command: CommandLine, output: Option<&str>, run: Run, time: Arc<dyn Time>) -> Self {
        Self { command, output: output.map(PathBuf::from), run, time }
    }

    async fn obtain(&self, refused: bool) -> Result<Assertion, SourceError> {
        if let Some(kept) = self.kept().filter(|_| !refused) {
            return Ok(kept);
        }
        let printed = (self.run)(self.command.clone()).await.map_err(SourceError::Unavailable)?;
        let printed = Zeroizing::new(printed);
        let assertion = read(&printed, self.output.is_some())?;
        let lives = assertion.lives_at(self.time.now().wall);
        if lives { Ok(assertion) } else { Err(SourceError::Expired) }
    }

    /// What an earlier run has left behind. A file that is not there, or not whole, is no reason
    /// not to run the command.
    fn kept(&self) -> Option<Assertion> {
        let mut bytes = Zeroizing::new(Vec::new());
        File::open(self.output.as_ref()?).ok()?.take(MOST).read_to_end(&mut bytes).ok()?;
        let kept = read(&bytes, true).ok()?;
        // Not one that ends on its way.
        (kept.expires_at()? > self.time.now().wall).then_some(kept)
    }
}

/// The identity in a response.
fn read(bytes: &[u8], must_end: bool) -> Result<Assertion, SourceError> {
    let setup = |what: &str| SourceError::Setup(format!("the command's response {what}").into());
    let response: Response = serde_json::from_slice(bytes).map_err(|_| setup("is not what AIP-4117 describes"))?;
    if response.version != 1 {
        return Err(setup("has another version than 1"));
    }
    if !response.success {
        let clean = |text: Option<String>| {
            text.unwrap_or_default().chars().filter(|char| !char.is_control()).take(256).collect::<String>()
        };
        let (code, message) = (clean(response.code), clean(response.message));
        return Err(SourceError::Unavailable(format!("the command has no identity: {code} {message}").into()));
    }
    let kind = response.token_type.ok_or_else(|| setup("names no `token_type`"))?;
    let token = match kind.rsplit(':').next() {
        Some("jwt" | "id_token") => response.id_token,
        Some("saml2") => response.saml_response,
        _ => return Err(setup("has a `token_type` that is not known")),
    };
    let token = token.filter(|token| !token.is_empty()).ok_or_else(|| setup("holds no token"))?;
    let assertion = Assertion::new(token.as_str()).kind(kind);
    match response.expiration_time {
        Some(end) => Ok(assertion.expires(Duration::from_secs(end))),
        None if must_end => Err(setup("has no `expiration_time`, which an output file needs")),
        None => Ok(assertion),
    }
}

impl Assertions for Executable {
    fn next<'a>(&'a self, wanted: &'a Wanted<'_>) -> BoxFuture<'a, Result<Assertion, SourceError>> {
        Box::pin(self.obtain(wanted.refused))
    }

    fn limit(&self) -> Duration {
        self.command.timeout
    }
}

impl fmt::Debug for Executable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executable").field("command", &self.command).finish_non_exhaustive()
    }
}
