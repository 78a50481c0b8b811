//! octocrab over a stack of your own: the builder takes a service and layers; the last layer is the
//! outermost. An `OctoBody` can be cloned, but its clones share one reading position: the layer
//! must record it, not clone it. For GitHub Apps whose user tokens expire and rotate, which
//! octocrab itself does not renew.

use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use octocrab::{AuthState, OctoBody, Octocrab, OctocrabBuilder, service::middleware::base_uri::BaseUriLayer};
use tokenflight::{BearerLayer, BoxError, Origins};
use tokenflight_example_clients::Fixture;

pub(crate) async fn run(fixture: &Fixture) -> Result<String, BoxError> {
    let origins = Origins::with_plain_loopback([fixture.url()])?;
    let client = Client::builder(TokioExecutor::new()).build_http::<OctoBody>();
    let octocrab: Octocrab = OctocrabBuilder::new_empty()
        .with_service(client)
        .with_layer(&BearerLayer::new(fixture.session(), origins).replay_with(OctoBody::new))
        // Above the layer, so that it sees where a request goes.
        .with_layer(&BaseUriLayer::new(fixture.url().parse()?))
        .with_auth(AuthState::None)
        .build()?;

    let user: serde_json::Value = octocrab.get("/user", None::<&()>).await?;
    Ok(user["login"].to_string())
}

#[tokio::main]
#[allow(dead_code)] // A test runs the story without it.
async fn main() -> Result<(), BoxError> {
    let fixture = Fixture::start().await?;
    println!("user {}", run(&fixture).await?);
    println!("token requests: {}", fixture.token_requests());
    Ok(())
}
