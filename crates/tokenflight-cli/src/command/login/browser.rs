//! A browser on this machine, and a loopback redirect (RFC 8252).

use std::{
    env,
    process::{Command, Stdio},
    time::Duration,
};

use tokenflight::TokenSet;
use tokenflight_oauth2::{
    TokenEndpoint,
    login::{CodeLogin, Loopback},
};

use super::failed::failed;
use crate::{
    args::Login,
    clock,
    config::Profile,
    problem::Problem,
    terminal::{Line, address, beside, say},
};

/// How long the browser may take to come back.
const LIMIT: Duration = Duration::from_secs(600);

pub(super) async fn log_in(
    profile: &Profile,
    endpoint: &TokenEndpoint,
    url: &str,
    asked: &Login,
) -> Result<TokenSet, Problem> {
    let port = profile.settings.port.unwrap_or(0);
    let loopback = Loopback::options().ports([port]).bind().await;
    let loopback = loopback.map_err(|error| failed(&error))?;
    let scope = profile.settings.scope();
    let started = CodeLogin::start(endpoint, url, loopback.redirect_uri(), scope.as_deref());
    let mut login = started.map_err(|error| failed(&error))?;
    for (name, value) in &profile.settings.login_parameters {
        login = login.parameter(name, value);
    }
    let opened = !asked.no_browser && open(login.url());
    let how = if opened { "A browser was opened. If it shows nothing, open" } else { "To log in, open" };
    say(&format!("{how} this address on this machine:\n{}", address(login.url())));
    let callback = async {
        tokio::select! {
            callback = loopback.answer(&login) => callback.map_err(|error| failed(&error)),
            () = clock::sleep(LIMIT) => Err(Problem::later("the browser did not come back in time")),
        }
    };
    let callback = beside(Line::waiting("Waiting for the browser"), LIMIT, callback).await?;
    login.finish(callback).await.map_err(|error| failed(&error))
}

/// Opens the address. It holds no secret: what the answer is exchanged with stays in this process.
fn open(url: &str) -> bool {
    let named = env::var_os("BROWSER").filter(|browser| !browser.is_empty());
    let named = named.map(|browser| {
        let mut command = Command::new(browser);
        command.arg(url);
        command
    });
    named
        .into_iter()
        .chain(open::commands(url))
        .any(|mut command| command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().is_ok())
}
