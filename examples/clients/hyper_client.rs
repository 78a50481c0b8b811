//! hyper-util's client behind the layer. The token is dead when the requests start; none of their
//! callers notices. Bodies that can be cloned (`Full`, `Empty`) need nothing more than this. Twenty
//! requests are refused at once, and there is one token request.

use bytes::Bytes;
use futures_util::future::try_join_all;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokenflight::{BearerLayer, BoxError, Origins};
use tokenflight_test::Servers;
use tower::ServiceBuilder;

pub(crate) async fn run(servers: &Servers) -> Result<Vec<StatusCode>, BoxError> {
    // Plain http is for loopback only; a real API is listed with `Origins::new(["https://…"])`.
    let origins = Origins::with_plain_loopback([servers.origin()])?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let client = ServiceBuilder::new().layer(BearerLayer::new(servers.session(), origins)).service(client);

    let requests = (0..20).map(|_| async {
        let request = Request::get(servers.url("/me")).body(Full::default())?;
        Ok::<_, BoxError>(client.clone().oneshot(request).await?.status())
    });
    try_join_all(requests).await
}

#[tokio::main]
#[allow(dead_code)] // A test runs the story without it.
async fn main() -> Result<(), BoxError> {
    let servers = Servers::start().await?;
    servers.auth().expire_all_access();
    println!("{:?}", run(&servers).await?);
    println!("token requests: {}", servers.auth().report().total.token_requests);
    Ok(())
}
