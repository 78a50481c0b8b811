//! The session that both programs use: its tokens are in a folder of the user's own.

use std::{env, error::Error};

use tokenflight::{GrantKey, Session};
use tokenflight_oauth2::{ClientAuth, TokenEndpoint, client};
use tokenflight_store_file::FileStore;

pub(crate) fn session() -> Result<Session, Box<dyn Error>> {
    let endpoint = TokenEndpoint::new(&env::var("CLI_TOKEN_ENDPOINT")?, client::https()?)?;
    let grant = endpoint.client(ClientAuth::public("cli")).refresh_token();
    let store = FileStore::in_dir(env::var("CLI_STATE")?);
    Ok(Session::builder(grant).key(GrantKey::new("default")).store(store).build()?)
}
