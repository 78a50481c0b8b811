//! Logging in: the user agrees elsewhere, and the run waits.

use std::{fmt::Write as _, io::Write, sync::Arc, time::Duration};

use tokenflight::{
    BoxError, TokenSet,
    core::Now,
    time::{Sleep, Time, TokioTime},
};
use tokenflight_oauth2::{
    TokenEndpoint, client,
    login::{CodeLogin, DeviceLogin, LoginError, Loopback},
};
use tokio::sync::Notify;

use super::{Way, api, interrupt::Interrupt, server::Server, settings::Login};

/// A login with a refresh token, without which there is nothing to soak.
///
/// Its requests are not in the books: those are about refreshes.
pub(super) async fn make(
    login: &Login,
    server: &Server<'_>,
    interrupt: &Interrupt,
    err: &mut dyn Write,
) -> Result<TokenSet, BoxError> {
    let (endpoint, entrance) = (server.endpoint(client::https()?)?, server.entrance(login)?);
    let scope = server.settings.scope.as_deref();
    let waiting = Waiting { endpoint, entrance, scope, interrupt };
    let made = match login.way {
        Way::Device => waiting.device(&login.parameters, err).await,
        Way::Code => waiting.code(&login.parameters, err).await,
    };
    let tokens = made.map_err(|problem| match problem {
        Problem::Login(LoginError::Address(error)) => format!("{}: {error}", login.flag()).into(),
        Problem::Login(error) => format!("there is no login: {}", words(&error)).into(),
        Problem::Interrupted(reason) => format!("there is no login: {reason}").into(),
        Problem::Other(error) => error,
    })?;
    match (tokens.refresh(), login.way) {
        (Some(_), _) => Ok(tokens),
        (None, Way::Device) => Err(format!("{NO_REFRESH}.").into()),
        (None, Way::Code) => Err(format!("{NO_REFRESH}, and some --login-parameter prompt=consent as well.").into()),
    }
}

const NO_REFRESH: &str = "the login brought no refresh token, and is not kept. Is the client allowed to have one? Many \
     providers need --scope with offline_access";

const WAITING: &str = "Waiting for you. Ctrl-C ends it.";

const LANDING: &str = "Waiting for one answer that is on its way.";

enum Problem {
    Login(LoginError),
    Interrupted(&'static str),
    Other(BoxError),
}

impl<E: Into<LoginError>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Login(error.into())
    }
}

struct Waiting<'a> {
    endpoint: TokenEndpoint,
    entrance: &'a str,
    scope: Option<&'a str>,
    interrupt: &'a Interrupt,
}

impl Waiting<'_> {
    async fn device(&self, parameters: &[(String, String)], err: &mut dyn Write) -> Result<TokenSet, Problem> {
        let parameters: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let start = DeviceLogin::start_with(&self.endpoint, self.entrance, self.scope, &parameters);
        let login = self.unless_interrupted(start).await?;
        let (code, place) = (plain(login.user_code()), address(login.verification_uri()));
        say(err, &format!("To log in, enter {code} at\n{place}"))?;
        if let Some(complete) = login.verification_uri_complete() {
            say(err, &format!("or open\n{}", address(complete)))?;
        }
        say(err, WAITING)?;
        let pauses = Pauses::new(self.interrupt);
        let stopped = Arc::clone(&pauses.stopped);
        let asking = async {
            tokio::select! {
                biased;
                found = login.wait(&pauses) => Ok(found?),
                () = stopped.notified() => Err(self.interrupted()),
            }
        };
        self.to_its_end(asking, err).await
    }

    async fn code(&self, parameters: &[(String, String)], err: &mut dyn Write) -> Result<TokenSet, Problem> {
        let loopback = Loopback::bind().await?;
        let login = CodeLogin::start(&self.endpoint, self.entrance, loopback.redirect_uri(), self.scope)?;
        let login = parameters.iter().fold(login, |login, (name, value)| login.parameter(name, value));
        let url = address(login.url());
        say(err, &format!("To log in, open this in a browser on this machine:\n{url}\n{WAITING}"))?;
        let callback = self.unless_interrupted(loopback.answer(&login)).await?;
        self.to_its_end(async { Ok(login.finish(callback).await?) }, err).await
    }

    /// For what leaves no login behind if it is given up.
    async fn unless_interrupted<T>(&self, waited: impl Future<Output = Result<T, LoginError>>) -> Result<T, Problem> {
        Ok(self.interrupt.unless(waited).await.map_err(Problem::Interrupted)??)
    }

    /// For what may be answered with a login at any moment. An interrupt does not end it, or a login that is not known here
    /// might be left at the server; it takes no longer than a token request.
    async fn to_its_end(
        &self,
        asking: impl Future<Output = Result<TokenSet, Problem>>,
        err: &mut dyn Write,
    ) -> Result<TokenSet, Problem> {
        tokio::pin!(asking);
        match self.interrupt.unless(&mut asking).await {
            Ok(found) => found,
            Err(_) => {
                // Waits also where this cannot be read.
                let _ = say(err, LANDING);
                asking.await
            }
        }
    }

    fn interrupted(&self) -> Problem {
        Problem::Interrupted(self.interrupt.reason().unwrap_or_default())
    }
}

/// The time between two questions, which an interrupt ends for good.
struct Pauses {
    time: TokioTime,
    interrupt: Interrupt,
    stopped: Arc<Notify>,
}

impl Pauses {
    fn new(interrupt: &Interrupt) -> Self {
        Self { time: TokioTime::new(), interrupt: interrupt.clone(), stopped: Arc::default() }
    }
}

impl Time for Pauses {
    fn now(&self) -> Now {
        self.time.now()
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let (slept, interrupt, stopped) =
            (self.time.sleep(duration), self.interrupt.clone(), Arc::clone(&self.stopped));
        Box::pin(async move {
            tokio::select! {
                biased;
                () = interrupt.raised() => {
                    stopped.notify_one();
                    std::future::pending().await
                }
                () = slept => {}
            }
        })
    }

    fn random(&self) -> u64 {
        self.time.random()
    }
}

/// At once: the user has to read it while we wait.
fn say(err: &mut dyn Write, text: &str) -> Result<(), Problem> {
    writeln!(err, "{text}").and_then(|()| err.flush()).map_err(|error| Problem::Other(error.into()))
}

/// What a server sends must not steer the user's terminal, nor stand in another order than it was sent in. What is no plain
/// character is shown by its number: left out it would not be missed.
fn plain(text: &str) -> String {
    let mut shown = String::new();
    for char in text.chars() {
        match char {
            ' '..='~' => shown.push(char),
            // Into a string nothing fails.
            _ => drop(write!(shown, "{}", char.escape_unicode())),
        }
    }
    shown
}

/// The same for an address, which is still the same address then.
fn address(text: &str) -> String {
    let mut shown = String::new();
    for byte in text.bytes() {
        match byte {
            b'!'..=b'~' => shown.push(char::from(byte)),
            _ => drop(write!(shown, "%{byte:02X}")),
        }
    }
    shown
}

/// Without what servers say beyond a code.
fn words(error: &LoginError) -> String {
    match error {
        LoginError::Denied(code) => format!("refused: {}", api::code(code)),
        LoginError::Request(error) => match error.error_code() {
            Some(code) => format!("{}: {}", error.class(), api::code(code)),
            None => error.class().to_string(),
        },
        LoginError::Io(error) => format!("the loopback port: {error}"),
        error => error.to_string(),
    }
}
