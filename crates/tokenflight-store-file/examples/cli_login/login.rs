//! Logs in with a refresh token from standard input; a program of yours has its
//! `tokenflight_oauth2::login` here.
//!
//! ```console
//! $ export CLI_TOKEN_ENDPOINT=https://as.example/token CLI_STATE=~/.local/state/cli
//! $ cli_login < refresh-token
//! $ curl -H "Authorization: Bearer $(cli_token)" https://api.example/
//! ```

mod session;

use tokenflight::TokenSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let refresh = std::io::read_to_string(std::io::stdin())?;
    session::session()?.login(TokenSet::from_refresh_token(refresh.trim())).await?;
    Ok(())
}
