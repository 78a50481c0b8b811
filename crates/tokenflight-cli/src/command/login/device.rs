//! A code, entered on any device (RFC 8628).

use tokenflight::{TokenSet, time::TokioTime};
use tokenflight_oauth2::{TokenEndpoint, login::DeviceLogin};

use super::failed::failed;
use crate::{
    config::Profile,
    problem::Problem,
    terminal::{Line, address, beside, plain, say},
};

pub(super) async fn log_in(profile: &Profile, endpoint: &TokenEndpoint, url: &str) -> Result<TokenSet, Problem> {
    let parameters = profile.settings.login_parameters.iter();
    let parameters: Vec<_> = parameters.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let scope = profile.settings.scope();
    let started = DeviceLogin::start_with(endpoint, url, scope.as_deref(), &parameters).await;
    let login = started.map_err(|error| failed(&error))?;
    say(&format!("To log in, enter {} at\n{}", plain(login.user_code()), address(login.verification_uri())));
    if let Some(complete) = login.verification_uri_complete() {
        say(&format!("or open\n{}", address(complete)));
    }
    let (line, limit) = (Line::waiting("Waiting for the login"), login.expires_in());
    let tokens = beside(line, limit, login.wait(&TokioTime::new())).await;
    tokens.map_err(|error| failed(&error))
}
