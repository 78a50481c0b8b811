//! reqwest behind the layer. reqwest's client is a tower service of its own request type, so seven lines turn one into the
//! other; its streaming bodies are recorded with `replay_with(reqwest::Body::wrap)`.
//! reqwest follows redirects by itself: let it not, if a redirect may lead elsewhere (`redirect::Policy::none`).

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use tokenflight::{BearerLayer, BoxError, Origins};
use tokenflight_example_clients::World;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

/// reqwest's client as a service of `http` requests.
fn service(
    client: reqwest::Client,
) -> impl Service<Request<reqwest::Body>, Response = Response<reqwest::Body>, Error = reqwest::Error, Future: Send>
+ Clone
+ Send {
    service_fn(move |request: Request<reqwest::Body>| {
        let client = client.clone();
        async move { client.execute(request.try_into()?).await.map(Response::from) }
    })
}

pub(crate) async fn run(world: &World) -> Result<Bytes, BoxError> {
    let origins = Origins::with_plain_loopback([world.url()])?;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build()?;
    let client = ServiceBuilder::new()
        .layer(BearerLayer::new(world.session.clone(), origins).replay_with(reqwest::Body::wrap))
        .service(service(client));

    let request =
        Request::post(format!("{}/echo", world.url())).body(Full::new(Bytes::from("sent twice, arrived once")))?;
    let response = client.oneshot(request).await?;
    Ok(response.into_body().collect().await?.to_bytes())
}

#[tokio::main]
#[allow(dead_code)] // A test runs the story without it.
async fn main() -> Result<(), BoxError> {
    let world = World::start().await?;
    println!("{:?}", run(&world).await?);
    println!("token requests: {}", world.token_requests());
    Ok(())
}
