//! A tonic client behind the layer, by the small crate `tokenflight-tonic`: the generated client
//! takes the layered channel, and a unary call whose token is dead (`UNAUTHENTICATED` before any
//! message) is made again. A call for which there is no token ends `Unauthenticated`, with our
//! error as its source. Limits stand below the layer, so waiting for a token holds none of them.

use std::time::Duration;

use tokenflight::{BearerLayer, BoxError, Origins, Session};
use tokenflight_example_clients::{Fixture, grpc};
use tonic::transport::Endpoint;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::ServiceBuilder;

pub(crate) async fn run(session: Session, url: &str) -> Result<i32, BoxError> {
    let channel = Endpoint::from_shared(url.to_owned())?.connect().await?;
    // A tonic client's requests name no server: its channel's is named here. Elsewhere than on
    // loopback it is `Origins::sole("https://…")`.
    let origins = Origins::with_plain_loopback([url])?.as_sole()?;
    let channel = ServiceBuilder::new().concurrency_limit(8).timeout(Duration::from_secs(10)).service(channel);
    let channel = tokenflight_tonic::client(channel, BearerLayer::new(session, origins));

    let mut client = HealthClient::new(channel);
    let mut request = tonic::Request::new(HealthCheckRequest { service: String::new() });
    // Covers the wait for a token as well; a replay has what is left of it.
    request.set_timeout(Duration::from_secs(5));
    let answer = client.check(request).await?;
    Ok(answer.into_inner().status)
}

#[tokio::main]
#[allow(dead_code)] // A test runs the story without it.
async fn main() -> Result<(), BoxError> {
    let fixture = Fixture::start().await?;
    let server = grpc::serve_health(fixture.auth().clone()).await?;
    println!("status {}", run(fixture.session(), &server.url).await?);
    println!("token requests: {}", fixture.token_requests());
    Ok(())
}
