//! The program that the README shows, with just the crates that its `cargo add` lines bring: from a
//! refresh token to a request with an access token, and nothing is lost at the end.

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use std::time::Duration;
use tokenflight::{BearerLayer, Origins, Session, TokenSet};
use tokenflight_oauth2::{ClientAuth, TokenEndpoint, client};
use tokenflight_store_file::FileStore;

#[tokio::main]
async fn main() -> Result<(), tower::BoxError> {
    let endpoint = TokenEndpoint::new("https://as.example.com/token", client::https()?)?;
    let grant = endpoint.client(ClientAuth::basic("client-id", "client-secret")).refresh_token();
    let store = FileStore::in_dir(std::env::home_dir().ok_or("no home directory")?.join(".my-program"));
    let session = Session::builder(grant).store(store).build()?;
    // A driver runs beside it; at the end, also after an error, what is not stored yet is stored.
    session.run_until(Duration::from_secs(70), work(&session)).await
}

async fn work(session: &Session) -> Result<(), tower::BoxError> {
    // Once, with a refresh token alone; then the store has the login, for all processes here.
    if let Some(refresh_token) = std::env::args().nth(1) {
        session.login(TokenSet::from_refresh_token(refresh_token)).await?;
    }

    let https = hyper_rustls::HttpsConnectorBuilder::new().with_native_roots()?.https_only().enable_http1().build();
    let client = Client::builder(TokioExecutor::new()).build::<_, Full<Bytes>>(https);
    let layer = BearerLayer::new(session.clone(), Origins::new(["https://api.example.com"])?);
    let client = tower::ServiceBuilder::new().layer(layer).service(client);

    let request = http::Request::get("https://api.example.com/me").body(Full::default())?;
    println!("{}", client.oneshot(request).await?.status());
    Ok(())
}
