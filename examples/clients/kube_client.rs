//! kube's client over a stack of your own: `kube_client::Client::new` takes any tower service of
//! http requests. Its request bodies cannot be cloned; `replay_with(UnsyncBoxBody::new)` records
//! them and gives hyper a body it can send. Here the layer has the place of kube's own auth layer,
//! which reads a token file but never waits for a 401.

use http::Request;
use http_body_util::combinators::UnsyncBoxBody;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use kube_client::client::middleware::BaseUriLayer;
use tokenflight::{BearerLayer, BoxError, Origins};
use tokenflight_example_clients::Fixture;
use tower::ServiceBuilder;

pub(crate) async fn run(fixture: &Fixture) -> Result<String, BoxError> {
    let origins = Origins::with_plain_loopback([fixture.url()])?;
    let service = ServiceBuilder::new()
        // Above the layer, so that it sees where a request goes.
        .layer(BaseUriLayer::new(fixture.url().parse()?))
        .layer(BearerLayer::new(fixture.session(), origins).replay_with(UnsyncBoxBody::new))
        .service(Client::builder(TokioExecutor::new()).build_http());
    let client = kube_client::Client::new(service, "default");

    let request = Request::get("/api/v1/namespaces/default/pods/web").body(vec![])?;
    let pod: serde_json::Value = client.request(request).await?;
    Ok(pod["metadata"]["name"].to_string())
}

#[tokio::main]
#[allow(dead_code)] // A test runs the story without it.
async fn main() -> Result<(), BoxError> {
    let fixture = Fixture::start().await?;
    println!("pod {}", run(&fixture).await?);
    println!("token requests: {}", fixture.token_requests());
    Ok(())
}
