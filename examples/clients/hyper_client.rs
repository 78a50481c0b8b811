//! hyper-util's client behind the layer. The token is dead when the requests start; none of their
//! callers notices. Bodies that can be cloned (`Full`, `Empty`) need nothing more than this. Twenty
//! requests are refused at once, and there is one token request.

use bytes::Bytes;
use futures_util::future::try_join_all;
use http::{Request, StatusCode};
use http_body_util::Full;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokenflight::{BearerLayer, BoxError, Origins};
use tokenflight_example_clients::World;
use tower::ServiceBuilder;

pub(crate) async fn run(world: &World) -> Result<Vec<StatusCode>, BoxError> {
    // Plain http is for loopback only; a real API is listed with `Origins::new(["https://…"])`.
    let origins = Origins::with_plain_loopback([world.url()])?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let client = ServiceBuilder::new().layer(BearerLayer::new(world.session.clone(), origins)).service(client);

    let requests = (0..20).map(|_| async {
        let request = Request::get(format!("{}/me", world.url())).body(Full::default())?;
        Ok::<_, BoxError>(client.clone().oneshot(request).await?.status())
    });
    try_join_all(requests).await
}

#[tokio::main]
#[allow(dead_code)] // A test runs the story without it.
async fn main() -> Result<(), BoxError> {
    let world = World::start().await?;
    println!("{:?}", run(&world).await?);
    println!("token requests: {}", world.token_requests());
    Ok(())
}
